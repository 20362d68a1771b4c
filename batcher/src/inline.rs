//! Inline bodies: a few paths below one URL, as tasks.

use manifest::request::InlineBody;
use manifest::work::LAMBDA_CONCUR;
use manifest::{Batch, BatchInput, Body, Task};

use crate::limits::{TASK_BYTES_MAX, TASKS_BYTES_MAX};

/// The paths in tasks of at most so many, in their order.
pub(crate) fn tasks(body: InlineBody, items: usize) -> Vec<Task> {
    let batch_input = BatchInput {
        base_url: body.base_url,
        lambda_concur: body.lambda_concur.unwrap_or(LAMBDA_CONCUR),
    };
    let mut tasks = Vec::new();
    let mut open = Vec::new();
    let mut bytes = 0;
    for path in body.resource_paths {
        if open.len() >= items || (!open.is_empty() && bytes + path.len() > TASK_BYTES_MAX) {
            tasks.push(task(std::mem::take(&mut open), &batch_input));
            bytes = 0;
        }
        bytes += path.len();
        open.push(path);
    }
    if !open.is_empty() {
        tasks.push(task(open, &batch_input));
    }
    tasks
}

fn task(resource_paths: Vec<String>, batch_input: &BatchInput) -> Task {
    Task {
        resource_paths,
        batch_input: batch_input.clone(),
    }
}

/// The tasks as lines of a batch list.
pub(crate) fn lines(tasks: &[Task]) -> Result<Vec<u8>, serde_json::Error> {
    let mut lines = Vec::new();
    let mut first = 0;
    for (number, task) in (0..).zip(tasks) {
        let items = task.resource_paths.len() as u64;
        let body = Body::Inline(task.clone());
        serde_json::to_writer(
            &mut lines,
            &Batch {
                number,
                first,
                items,
                body,
            },
        )?;
        lines.push(b'\n');
        first += items;
    }
    Ok(lines)
}

/// The tasks, if they are few enough to travel in an answer.
pub(crate) fn if_few(tasks: Vec<Task>) -> Option<Vec<Task>> {
    let weight = |task: &Task| {
        let paths: usize = task.resource_paths.iter().map(|path| path.len() + 3).sum();
        paths + task.batch_input.base_url.len() + 80
    };
    let bytes: usize = tasks.iter().map(weight).sum();
    (bytes <= TASKS_BYTES_MAX).then_some(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(paths: &[String]) -> InlineBody {
        InlineBody {
            base_url: "https://a".into(),
            resource_paths: paths.to_vec(),
            lambda_concur: None,
        }
    }

    #[test]
    fn the_last_task_is_shorter() {
        let paths: Vec<_> = (0..102).map(|number| format!("{number}.gif")).collect();
        let tasks = tasks(body(&paths), 5);
        let sizes: Vec<_> = tasks.iter().map(|task| task.resource_paths.len()).collect();
        assert_eq!(sizes, [vec![5; 20], vec![2]].concat());
        assert_eq!(
            tasks
                .iter()
                .flat_map(|task| task.resource_paths.clone())
                .collect::<Vec<_>>(),
            paths
        );
        assert_eq!(tasks[0].batch_input.lambda_concur, 5);
    }

    #[test]
    fn long_paths_make_short_tasks() {
        let paths = vec!["x".repeat(40_000); 3];
        assert_eq!(tasks(body(&paths), 5).len(), 3);
        assert!(if_few(tasks(body(&paths), 5)).is_none());
    }

    #[test]
    fn no_path_is_no_task() {
        assert!(tasks(body(&[]), 5).is_empty());
    }
}
