//! Activities in a map.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::{ActivityArn, ActivityRow, Cursor, Error, ErrorKind, Page, Result, Tags};

/// Activities in a map.
#[derive(Debug, Default)]
pub struct Activities {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    created: u64,
    rows: BTreeMap<ActivityArn, (u64, ActivityRow)>,
}

fn missing(arn: &ActivityArn) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no activity `{arn}`"))
}

#[async_trait]
impl crate::Activities for Activities {
    async fn create_activity(&self, row: ActivityRow) -> Result<ActivityRow> {
        let mut state = lock(&self.state);
        let ordinal = state.created;
        state.created += 1;
        let (_, row) = state.rows.entry(row.arn.clone()).or_insert((ordinal, row));
        Ok(row.clone())
    }

    async fn activity(&self, arn: &ActivityArn) -> Result<ActivityRow> {
        let state = lock(&self.state);
        let found = state.rows.get(arn).map(|(_, row)| row.clone());
        found.ok_or_else(|| missing(arn))
    }

    async fn tag_activity(&self, arn: &ActivityArn, tags: Tags) -> Result<()> {
        let mut state = lock(&self.state);
        let (_, row) = state.rows.get_mut(arn).ok_or_else(|| missing(arn))?;
        row.tags = tags;
        Ok(())
    }

    async fn delete_activity(&self, arn: &ActivityArn) -> Result<()> {
        lock(&self.state).rows.remove(arn);
        Ok(())
    }

    async fn activities(&self, after: Option<Cursor>, limit: usize) -> Result<Page<ActivityRow>> {
        let state = lock(&self.state);
        let newest = super::newest_first(state.rows.values(), after);
        Ok(Page::from_newest(newest, limit))
    }
}
