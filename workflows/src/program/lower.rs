//! Tasks to nodes, in pre-order.
//!
//! Lists are lowered whole before their directives are resolved: a target may stand further down.

use std::sync::Arc;

use super::node::{
    CaseNode, ForNode, ForkNode, FunctionNode, Inlet, Next, Node, NodeId, NodeKind, Outlet,
    RetryNode, RunNode, SiteFacts, Span, TryNode,
};
use super::place::{Places, refused};
use super::target;
use super::{LAYERS_MAX, Unbuildable};
use crate::document::settings::Fate;
use crate::document::step::{Case, Directive, For, Kind, Retry, Shape, Task, Template, Try};
use crate::expression::Library;
use crate::machine::row::ChildTemplate;

/// A lowered template.
pub(super) struct Lowered {
    pub(super) nodes: Vec<Node>,
    pub(super) sites: Vec<SiteFacts>,
    pub(super) library: Library,
    /// Of the whole job, from its submission on.
    pub(super) deadline: Option<Span>,
}

/// Lowers a template; node 0 is the workflow itself.
pub(super) fn lower(template: &Template) -> Result<Lowered, Unbuildable> {
    let mut lowering = Lowering {
        nodes: Vec::new(),
        sites: Vec::new(),
        places: Places::default(),
        named: target::Named {
            functions: &template.functions,
            authentications: &template.authentications,
        },
    };
    let root = lowering.push("", &template.header.name, None);
    lowering.nodes[root.index()].input = lowering.places.inlet(&template.input, "/input")?;
    lowering.nodes[root.index()].output = lowering.places.outlet(&template.output, "/output")?;
    lowering.nodes[root.index()].deadline =
        lowering.places.maybe_span(template.timeout.as_ref())?;
    let settings = &template.header.settings;
    let deadline = lowering.places.maybe_span(settings.deadline.as_ref())?;
    let first = lowering.list(&template.body, root)?;
    lowering.nodes[root.index()].kind = NodeKind::Do { first };
    let (library, sites) = lowering.places.compile()?;
    Ok(Lowered {
        nodes: lowering.nodes,
        sites,
        library,
        deadline,
    })
}

/// Tasks on their way to nodes.
pub(super) struct Lowering<'a> {
    pub(super) nodes: Vec<Node>,
    /// The addresses of the calls whose functions are lowered, outermost first.
    sites: Vec<Arc<str>>,
    pub(super) places: Places,
    pub(super) named: target::Named<'a>,
}

impl Lowering<'_> {
    fn push(&mut self, place: &str, name: &str, parent: Option<NodeId>) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        let site = self.sites.last().map_or("", AsRef::as_ref);
        self.nodes.push(Node {
            pointer: Arc::from(format!("{site}{place}")),
            place: Arc::from(place),
            name: Arc::from(name),
            parent,
            successor: None,
            condition: None,
            input: Inlet::default(),
            output: Outlet::default(),
            export: Outlet::default(),
            deadline: None,
            then: Next::Continue,
            settings: Default::default(),
            kind: NodeKind::Do { first: None },
        });
        id
    }

    /// Lowers a list and says where it begins.
    pub(super) fn list(
        &mut self,
        tasks: &[Task],
        parent: NodeId,
    ) -> Result<Option<NodeId>, Unbuildable> {
        let ids = tasks
            .iter()
            .map(|task| self.task(task, parent))
            .collect::<Result<Vec<_>, _>>()?;
        for pair in ids.windows(2) {
            self.nodes[pair[0].index()].successor = Some(pair[1]);
        }
        for (task, id) in tasks.iter().zip(&ids) {
            self.direct(task, *id, tasks, &ids)?;
        }
        Ok(ids.first().copied())
    }

    fn task(&mut self, task: &Task, parent: NodeId) -> Result<NodeId, Unbuildable> {
        let id = self.push(&task.pointer, &task.name, Some(parent));
        let condition = self.places.maybe(task.condition.as_ref())?;
        let input = self.places.inlet(&task.input, &task.pointer)?;
        let output = self.places.outlet(&task.output, &task.pointer)?;
        let export = self.places.outlet(&task.export, &task.pointer)?;
        let deadline = self.places.maybe_span(task.timeout.as_ref())?;
        let settings = self.settings(task)?;
        let kind = self.kind(task, id)?;
        let node = &mut self.nodes[id.index()];
        (node.condition, node.input, node.output, node.export) = (condition, input, output, export);
        (node.deadline, node.settings, node.kind) = (deadline, settings, kind);
        Ok(id)
    }

    fn kind(&mut self, task: &Task, id: NodeId) -> Result<NodeKind, Unbuildable> {
        if let Some(call) = target::call(&mut self.places, self.named, &task.kind, &task.pointer)? {
            return Ok(call);
        }
        Ok(match &task.kind {
            Kind::Do(tasks) => NodeKind::Do {
                first: self.list(tasks, id)?,
            },
            Kind::Set(shape) => NodeKind::Set(self.places.form(shape)?),
            Kind::Raise(fault) => NodeKind::Raise(self.places.form(&fault.error)?),
            Kind::Wait(delay) => NodeKind::Wait(self.places.span(delay)?),
            Kind::Switch(cases) => NodeKind::Switch(self.cases(cases)?),
            Kind::For(each) => self.each(each, id)?,
            Kind::Try(tried) => NodeKind::Try(Box::new(self.tried(tried, id)?)),
            Kind::Fork(fork) => {
                let branches = fork
                    .branches
                    .iter()
                    .map(|branch| self.list(std::slice::from_ref(branch), id));
                let branches: Vec<Option<NodeId>> = branches.collect::<Result<_, _>>()?;
                NodeKind::Fork(ForkNode {
                    branches: branches.into_iter().flatten().collect(),
                    compete: fork.compete,
                })
            }
            Kind::Listen(listen) => NodeKind::Listen(Box::new(self.listen(listen, task, id)?)),
            Kind::Emit(event) => NodeKind::Emit(self.places.form(event)?),
            Kind::Run(run) => NodeKind::Run(Box::new(RunNode {
                template: ChildTemplate {
                    namespace: run.namespace.clone(),
                    name: run.name.clone(),
                    version: run.version.clone(),
                },
                input: self.places.maybe_form(run.input.as_ref())?,
                is_awaited: run.is_awaited,
                fate: task.settings.fate.unwrap_or(match run.is_awaited {
                    true => Fate::Cancel,
                    false => Fate::Abandon,
                }),
            })),
            Kind::Local { function, with } => self.called(*function, with, id)?,
            Kind::Http(_) | Kind::OpenApi(_) | Kind::Function { .. } => {
                unreachable!("calls were lowered above")
            }
        })
    }

    /// A call of a function that is more than a call: its task, below the caller (ruling 33).
    fn called(
        &mut self,
        function: usize,
        with: &Shape,
        id: NodeId,
    ) -> Result<NodeKind, Unbuildable> {
        let with = self.places.form(with)?;
        let pointer = self.nodes[id.index()].pointer.clone();
        let (_, task) = self
            .named
            .functions
            .get(function)
            .ok_or_else(|| refused(&pointer, "no such function"))?;
        if self.sites.len() >= LAYERS_MAX {
            return Err(refused(
                &pointer,
                "functions call functions more than 8 deep",
            ));
        }
        // Inside, the names of the loops around the caller mean nothing.
        let outer = std::mem::take(&mut self.places.bound);
        self.sites.push(pointer);
        let first = self.list(std::slice::from_ref(task), id)?;
        self.sites.pop();
        self.places.bound = outer;
        Ok(NodeKind::Function(FunctionNode { with, first }))
    }

    /// In document order, the case without `when` last wherever it stands (ruling 15).
    fn cases(&mut self, cases: &[Case]) -> Result<Vec<CaseNode>, Unbuildable> {
        let (tested, default): (Vec<&Case>, Vec<&Case>) =
            cases.iter().partition(|case| case.when.is_some());
        let lowered = tested.into_iter().chain(default).map(|case| {
            let when = self.places.maybe(case.when.as_ref())?;
            Ok(CaseNode {
                name: Arc::from(case.name.as_str()),
                when,
                then: Next::Continue,
            })
        });
        lowered.collect()
    }

    fn each(&mut self, each: &For, id: NodeId) -> Result<NodeKind, Unbuildable> {
        let list = self.places.site(&each.list)?;
        let names: [Arc<str>; 2] = [Arc::from(each.each.as_str()), Arc::from(each.at.as_str())];
        let outer = self.places.bound.len();
        self.places.bound.extend(names.iter().cloned());
        let condition = self.places.maybe(each.condition.as_ref())?;
        let first = self.list(&each.body, id)?;
        self.places.bound.truncate(outer);
        let [item, at] = names;
        Ok(NodeKind::For(ForNode {
            each: item,
            at,
            list,
            condition,
            first,
        }))
    }

    fn tried(&mut self, tried: &Try, id: NodeId) -> Result<TryNode, Unbuildable> {
        let first = self.list(&tried.body, id)?;
        let body_end = NodeId(self.nodes.len() as u32);
        let bind: Arc<str> = Arc::from(tried.bind.as_str());
        self.places.bound.push(bind.clone());
        let when = self.places.maybe(tried.when.as_ref())?;
        let except_when = self.places.maybe(tried.except_when.as_ref())?;
        let retry = tried
            .retry
            .as_ref()
            .map(|retry| self.retry(retry))
            .transpose()?;
        let handler = match &tried.handler {
            Some(tasks) => self.list(tasks, id)?,
            None => None,
        };
        self.places.bound.pop();
        let errors = tried.errors.clone();
        Ok(TryNode {
            first,
            body_end,
            errors,
            bind,
            when,
            except_when,
            retry,
            handler,
            then: Next::Continue,
        })
    }

    fn retry(&mut self, retry: &Retry) -> Result<RetryNode, Unbuildable> {
        Ok(RetryNode {
            policy: retry.clone(),
            when: self.places.maybe(retry.when.as_ref())?,
            except_when: self.places.maybe(retry.except_when.as_ref())?,
            delay: self.places.span(&retry.delay)?,
            attempt_duration: self.places.maybe_span(retry.attempt_duration.as_ref())?,
            duration: self.places.maybe_span(retry.duration.as_ref())?,
        })
    }

    /// Resolves the directives of one task of a list.
    fn direct(
        &mut self,
        task: &Task,
        id: NodeId,
        tasks: &[Task],
        ids: &[NodeId],
    ) -> Result<(), Unbuildable> {
        let next = |directive: &Directive| match directive {
            Directive::Continue => Ok(Next::Continue),
            Directive::Exit => Ok(Next::Exit),
            Directive::End => Ok(Next::End),
            Directive::Jump(name) => tasks
                .iter()
                .position(|task| task.name == *name)
                .map(|index| Next::Jump(ids[index]))
                .ok_or_else(|| refused(&task.pointer, "unknown target")),
        };
        let node = &mut self.nodes[id.index()];
        node.then = next(&task.then)?;
        match (&mut node.kind, &task.kind) {
            (NodeKind::Switch(lowered), Kind::Switch(cases)) => {
                for case in lowered {
                    let written = cases.iter().find(|written| written.name == *case.name);
                    case.then =
                        written.map_or(Ok(Next::Continue), |written| next(&written.then))?;
                }
            }
            (NodeKind::Try(lowered), Kind::Try(tried)) => lowered.then = next(&tried.then)?,
            _ => {}
        }
        Ok(())
    }
}
