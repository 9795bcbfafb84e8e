//! What steps of a template take of limits, as far as it is known when it is published.

use windlass_workflows::catalogue::MAP;
use windlass_workflows::configuration::{Content, Document, Limit, LimitReference, LimitScope};
use windlass_workflows::document::cost::cost as units_of;
use windlass_workflows::document::step::{Kind, Shape, Template};
use windlass_workflows::problem::Problem;
use windlass_workflows::program;

use super::admission::{Given, too_high};
use crate::Error;
use crate::store::{self, NewTemplate, Session, StepCost};
use crate::vocabulary::ConfigurationKind;

/// What the steps of a template say of it, a limit a row.
pub(super) fn of_template(template: &Template) -> Vec<StepCost> {
    let mut costs = Vec::new();
    for (task, said) in program::costed(template) {
        // Another template may serve a purpose, and have limits of its own.
        let starts_another = match program::leaf(&template.functions, &task.kind) {
            Kind::Run(_) => true,
            Kind::Function { function, .. } => function.name == MAP,
            _ => false,
        };
        let of = |wanted: &str| said.iter().find(|(key, _)| *key == wanted);
        let named = of("limits").map_or(Some(Vec::new()), |(_, shape)| names(shape));
        let queue = match of("queue") {
            None => Some("default".to_owned()),
            Some((_, Shape::Constant(queue))) => queue.as_str().map(str::to_owned),
            Some(_) => None,
        };
        for (limit, units) in of("cost").map_or(Vec::new(), |(_, shape)| members(shape)) {
            let is_named = named.as_ref().is_none_or(|names| names.contains(&limit));
            costs.push(StepCost {
                pointer: format!("{}/metadata/windlass/cost/{limit}", task.pointer),
                may_be_named: is_named || starts_another,
                queue: queue.clone(),
                limit,
                units,
            });
        }
    }
    costs
}

/// The limits that a list names; nothing when one of them is computed.
fn names(limits: &Shape) -> Option<Vec<String>> {
    let text = |shape: &Shape| match shape {
        Shape::Constant(value) => value.as_str().map(str::to_owned),
        _ => None,
    };
    let texts: Vec<String> = match limits {
        Shape::Constant(value) if value.is_null() => Vec::new(),
        Shape::Constant(value) => {
            let texts = value.as_list()?.iter();
            texts
                .map(|text| Some(text.as_str()?.to_owned()))
                .collect::<Option<_>>()?
        }
        Shape::List(items) => items.iter().map(text).collect::<Option<_>>()?,
        _ => return None,
    };
    let names = texts
        .iter()
        .map(|text| Some(LimitReference::named(text)?.name));
    names.collect()
}

/// Limits, with the units of each where it is written out.
fn members(cost: &Shape) -> Vec<(String, Option<i32>)> {
    match cost {
        Shape::Constant(value) => {
            let members = value.as_map().into_iter().flat_map(|map| map.iter());
            members
                .map(|(limit, units)| (limit.to_string(), units_of(units)))
                .collect()
        }
        Shape::Map(members) => {
            let members = members.iter().map(|(limit, shape)| match shape {
                Shape::Constant(units) => (limit.to_string(), units_of(units)),
                _ => (limit.to_string(), None),
            });
            members.collect()
        }
        _ => Vec::new(),
    }
}

/// What can never count, and what could never start. A limit that is not there yet may come.
pub(super) async fn check(
    connection: &mut Session,
    tenant: i32,
    template: &NewTemplate,
    set: &[Document],
) -> Result<Vec<Problem>, Error> {
    let mut problems = Vec::new();
    for cost in &template.costs {
        let stored;
        let limit = match in_set(set, &cost.limit) {
            Some(limit) => limit,
            None => {
                let kind = ConfigurationKind::Limit;
                let found = store::configuration::latest(connection, tenant, kind, &cost.limit);
                let Some(found) = found.await? else { continue };
                stored = found.content()?;
                match &stored {
                    Content::Limit(limit) => limit,
                    _ => continue,
                }
            }
        };
        problems.extend(judge(template, cost, limit));
    }
    Ok(problems)
}

fn in_set<'d>(set: &'d [Document], name: &str) -> Option<&'d Limit> {
    set.iter().find_map(|document| match &document.content {
        Content::Limit(limit) if limit.header.name == name => Some(limit),
        _ => None,
    })
}

fn judge(template: &NewTemplate, cost: &StepCost, limit: &Limit) -> Option<Problem> {
    if !may_hold(template, cost, &limit.scope) {
        let name = &cost.limit;
        let message = format!("the step is not under the limit `{name}`, of which it is to take");
        let problem = Problem::new("cost_without_limit", &*cost.pointer, message);
        return Some(problem.hint(format!("name it as well: `limits: [ {name} ]`")));
    }
    let units = cost.units?;
    let lacking = Given::of(limit).lacks_anyhow(units)?;
    Some(too_high(&cost.pointer, &cost.limit, units, lacking))
}

/// Whether the limit may hold for a job of the step: it or its purpose may name it, or it holds for such work.
fn may_hold(template: &NewTemplate, cost: &StepCost, scope: &LimitScope) -> bool {
    let served = &template.purpose;
    cost.may_be_named
        || !served.is_empty()
        || match scope {
            LimitScope::Tenant => true,
            LimitScope::Reference | LimitScope::Purpose(_) => false,
            LimitScope::Template(name) => {
                *name == format!("{}.{}", template.header.namespace, template.header.name)
            }
            LimitScope::Queue(name) => cost.queue.as_ref().is_none_or(|queue| queue == name),
        }
}
