//! Profiles out of applied `Connection` documents, remembered for a few seconds.
//!
//! Every step asks for its profile, and documents change by hand: a short memory spares the store
//! thousands of reads and still lets a change arrive while somebody watches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;
use windlass_workflows::configuration::{
    self, Analyse, Channel, Connection, Generate, Plain, Secret,
};

use super::{
    AnalyseProfile, ConnectionProblem, Connections, GenerateProfile, Price, Provider, SecretName,
    Setting,
};

/// How long documents are believed.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Where the documents of a tenant are kept.
pub trait Documents: Send + Sync + 'static {
    /// All its connections, or why they cannot be read.
    fn connections(&self, tenant: i32) -> BoxFuture<'_, Result<Vec<Connection>, String>>;
}

type Remembered = (Instant, Arc<Vec<Connection>>);

/// Profiles as configuration says.
pub struct Configured<D> {
    documents: D,
    remembered: Mutex<HashMap<i32, Remembered>>,
}

impl<D: Documents> Configured<D> {
    /// Profiles out of these documents.
    pub fn new(documents: D) -> Self {
        Self {
            documents,
            remembered: Mutex::default(),
        }
    }

    /// Two that ask at once may both read; neither waits for the other.
    async fn connections(&self, tenant: i32) -> Result<Arc<Vec<Connection>>, ConnectionProblem> {
        if let Some(known) = self.known(tenant) {
            return Ok(known);
        }
        let asked_at = Instant::now();
        let read = self.documents.connections(tenant).await;
        let read = Arc::new(read.map_err(ConnectionProblem::Unavailable)?);
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        remembered.insert(tenant, (asked_at, read.clone()));
        Ok(read)
    }

    fn known(&self, tenant: i32) -> Option<Arc<Vec<Connection>>> {
        let remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (read_at, connections) = remembered.get(&tenant)?;
        (read_at.elapsed() < REMEMBERED).then(|| connections.clone())
    }
}

impl<D: Documents> Connections for Configured<D> {
    fn analyse_profile<'a>(
        &'a self,
        tenant: i32,
        profile: &'a str,
    ) -> BoxFuture<'a, Result<AnalyseProfile, ConnectionProblem>> {
        Box::pin(async move {
            let connections = self.connections(tenant).await?;
            let found = connections.iter().find_map(|connection| match connection {
                Connection::Analyse(analyse) => AnalyseProfile::of(analyse, profile),
                _ => None,
            });
            found.ok_or_else(|| ConnectionProblem::unknown("analyse", profile))
        })
    }

    fn generate_profile<'a>(
        &'a self,
        tenant: i32,
        profile: &'a str,
    ) -> BoxFuture<'a, Result<GenerateProfile, ConnectionProblem>> {
        Box::pin(async move {
            let connections = self.connections(tenant).await?;
            let found = connections.iter().find_map(|connection| match connection {
                Connection::Generate(generate) => GenerateProfile::of(generate, profile),
                _ => None,
            });
            found.ok_or_else(|| ConnectionProblem::unknown("generate", profile))
        })
    }

    fn channel<'a>(
        &'a self,
        tenant: i32,
        channel: &'a str,
    ) -> BoxFuture<'a, Result<Channel, ConnectionProblem>> {
        Box::pin(async move {
            let connections = self.connections(tenant).await?;
            let found = connections.iter().find_map(|connection| match connection {
                Connection::Channel(one) if one.header.name == channel => Some(one.clone()),
                _ => None,
            });
            found.ok_or_else(|| ConnectionProblem::unknown_channel(channel))
        })
    }

    fn source<'a>(
        &'a self,
        tenant: i32,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Connection, ConnectionProblem>> {
        Box::pin(async move {
            let connections = self.connections(tenant).await?;
            let mut all = connections.iter();
            let found = all.find(|one| one.header().name == name).cloned();
            found.ok_or_else(|| ConnectionProblem::unknown_source(name))
        })
    }
}

impl AnalyseProfile {
    /// The profile of a connection, if it has it.
    pub fn of(connection: &Analyse, profile: &str) -> Option<Self> {
        let (_, found) = connection
            .profiles
            .iter()
            .find(|(name, _)| name == profile)?;
        Some(Self {
            base_url: (&connection.base_url).into(),
            proof: connection.proof.clone(),
            path: found.path.clone(),
            timeout: Some(found.timeout),
        })
    }
}

impl GenerateProfile {
    /// The profile of a connection, if it has it, with its providers in its own order.
    pub fn of(connection: &Generate, profile: &str) -> Option<Self> {
        let (_, found) = connection
            .profiles
            .iter()
            .find(|(name, _)| name == profile)?;
        let by_name = |name: &String| connection.providers.iter().find(|one| one.name == *name);
        let providers: Vec<_> = match found.providers.is_empty() {
            true => connection.providers.iter().collect(),
            false => found.providers.iter().filter_map(by_name).collect(),
        };
        Some(Self {
            providers: providers.into_iter().map(Into::into).collect(),
            system: found.system.clone(),
            max_tokens: found.max_tokens,
            temperature: found.temperature,
        })
    }
}

impl From<&configuration::Provider> for Provider {
    fn from(provider: &configuration::Provider) -> Self {
        Self {
            name: provider.name.clone(),
            base_url: (&provider.base_url).into(),
            api_key: provider.api_key.as_ref().map(Into::into),
            model: (&provider.model).into(),
            timeout: Some(provider.timeout),
            price: provider.price.as_ref().map(Into::into),
        }
    }
}

impl From<&configuration::Price> for Price {
    fn from(price: &configuration::Price) -> Self {
        Self {
            input_per_million: price.input_per_million,
            output_per_million: price.output_per_million,
            currency: price.currency.clone(),
        }
    }
}

impl From<&Plain> for Setting {
    fn from(plain: &Plain) -> Self {
        match plain.clone() {
            Plain::Text(text) => Self::Plain(text),
            Plain::Env { name, default } => Self::Environment { name, default },
        }
    }
}

impl From<&Secret> for SecretName {
    fn from(secret: &Secret) -> Self {
        Self {
            name: secret.name.clone(),
            optional: secret.is_optional,
        }
    }
}
