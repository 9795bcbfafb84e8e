//! `listen`, lowered: filters, correlations, what ends it, and the body for each event.

use std::sync::Arc;

use super::Unbuildable;
use super::lower::Lowering;
use super::node::{CorrelationNode, FilterNode, ForeachNode, ListenNode, NodeId, UntilNode};
use crate::document::event::{Filter, Foreach, Listen, Until};
use crate::document::step::Task;

impl Lowering<'_> {
    pub(super) fn listen(
        &mut self,
        listen: &Listen,
        task: &Task,
        id: NodeId,
    ) -> Result<ListenNode, Unbuildable> {
        let filters = self.filters(&listen.to.filters)?;
        let until = match &listen.to.until {
            None => None,
            Some(Until::Condition(site)) => Some(UntilNode::Condition(self.places.site(site)?)),
            Some(Until::Events(strategy)) => Some(UntilNode::Events {
                mode: strategy.mode,
                filters: self.filters(&strategy.filters)?,
            }),
        };
        let foreach = match &listen.foreach {
            Some(foreach) => Some(self.foreach(foreach, task, id)?),
            None => None,
        };
        Ok(ListenNode {
            mode: listen.to.mode,
            filters,
            until,
            read: listen.read,
            foreach,
        })
    }

    fn filters(&mut self, filters: &[Filter]) -> Result<Vec<FilterNode>, Unbuildable> {
        let lowered = filters.iter().map(|filter| {
            let with = filter
                .with
                .iter()
                .map(|(name, shape)| Ok((Arc::from(name.as_str()), self.places.form(shape)?)));
            let with = with.collect::<Result<_, Unbuildable>>()?;
            let correlate = filter.correlate.iter().map(|one| {
                Ok(CorrelationNode {
                    name: Arc::from(one.name.as_str()),
                    from: self.places.site(&one.from)?,
                    expect: self.places.maybe_form(one.expect.as_ref())?,
                })
            });
            Ok(FilterNode {
                with,
                correlate: correlate.collect::<Result<_, Unbuildable>>()?,
            })
        });
        lowered.collect()
    }

    fn foreach(
        &mut self,
        foreach: &Foreach,
        task: &Task,
        id: NodeId,
    ) -> Result<ForeachNode, Unbuildable> {
        let names: [Arc<str>; 2] = [
            Arc::from(foreach.item.as_str()),
            Arc::from(foreach.at.as_str()),
        ];
        let outer = self.places.bound.len();
        self.places.bound.extend(names.iter().cloned());
        let pointer = format!("{}/foreach", task.pointer);
        let first = self.list(&foreach.body, id)?;
        let output = self.places.outlet(&foreach.output, &pointer)?;
        let export = self.places.outlet(&foreach.export, &pointer)?;
        self.places.bound.truncate(outer);
        let [item, at] = names;
        Ok(ForeachNode {
            item,
            at,
            first,
            output,
            export,
        })
    }
}
