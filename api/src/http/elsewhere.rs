//! What templates take from elsewhere, read before they are checked.

use windlass_workflows::check;
use windlass_workflows::document::tree::Tree;
use windlass_workflows::resource::Resources;

use super::habit::problem::Refusal;
use super::state::ApiState;

/// All that a template wants. What its version has pinned already is not read again, so applying an
/// unchanged template needs nobody else.
pub(super) async fn resources(state: &ApiState, tree: &Tree) -> Result<Resources, Refusal> {
    let mut resources = Resources::default();
    if !check::wanted(tree, &resources).is_empty() {
        resources = state.store.pinned_resources(state.tenant, tree).await?;
    }
    if let Some(fetcher) = &state.fetcher {
        fetcher.read_for(tree, &mut resources).await;
    }
    Ok(resources)
}
