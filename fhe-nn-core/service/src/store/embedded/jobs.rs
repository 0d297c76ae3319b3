//! Jobs and replies in the database.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::database::{FINISHED, JOBS, REPLIES, REQUESTS, UNTIL, broken, json, parse};
use crate::protocol::{Claims, Hash, JobName, Problem, Tenant};
use crate::store::{Finished, Job, Outcome, StoreError};

/// A promised job.
#[derive(Serialize, Deserialize)]
struct Promised {
    job: Job,
    /// How often a worker began with it.
    attempts: u32,
}

/// A finished job without its replies.
#[derive(Serialize, Deserialize)]
struct Kept {
    tenant: Tenant,
    model: Hash,
    plan: Hash,
    key: Hash,
    requests: Hash,
    replies: Hash,
    at: SystemTime,
    until: SystemTime,
    problem: Option<Problem>,
}

/// Writes a job down, unless it was finished meanwhile.
pub(super) fn promise(transaction: &WriteTransaction, job: &Job) -> Result<(), StoreError> {
    let name = job.name.as_bytes();
    let finished = transaction.open_table(FINISHED).map_err(broken)?;
    if let Some(kept) = finished.get(name).map_err(broken)? {
        let kept: Kept = parse(kept.value())?;
        if kept.at >= job.accepted {
            return Ok(());
        }
    }
    let mut jobs = transaction.open_table(JOBS).map_err(broken)?;
    if jobs.get(name).map_err(broken)?.is_some() {
        return Ok(());
    }
    let promised = json(&Promised {
        job: job.clone(),
        attempts: 0,
    })?;
    jobs.insert(name, promised.as_slice()).map_err(broken)?;
    let mut requests = transaction.open_table(REQUESTS).map_err(broken)?;
    requests.insert(name, &job.requests[..]).map_err(broken)?;
    Ok(())
}

/// Counts an attempt at promised jobs.
pub(super) fn attempt(transaction: &WriteTransaction, names: &[JobName]) -> Result<(), StoreError> {
    let mut jobs = transaction.open_table(JOBS).map_err(broken)?;
    for name in names {
        let found = jobs.get(name.as_bytes()).map_err(broken)?;
        if let Some(mut promised) = found
            .map(|found| parse::<Promised>(found.value()))
            .transpose()?
        {
            promised.attempts += 1;
            let promised = json(&promised)?;
            jobs.insert(name.as_bytes(), promised.as_slice())
                .map_err(broken)?;
        }
    }
    Ok(())
}

/// All promised jobs with the number of their attempts, the oldest first.
pub(super) fn promised(transaction: &ReadTransaction) -> Result<Vec<(Job, u32)>, StoreError> {
    let jobs = transaction.open_table(JOBS).map_err(broken)?;
    let requests = transaction.open_table(REQUESTS).map_err(broken)?;
    let mut all = Vec::new();
    for entry in jobs.iter().map_err(broken)? {
        let (name, record) = entry.map_err(broken)?;
        let Promised { mut job, attempts } = parse(record.value())?;
        let bytes = requests.get(name.value()).map_err(broken)?;
        let missing = || StoreError::Unavailable("the requests of a job are missing".to_owned());
        job.requests = Bytes::copy_from_slice(bytes.ok_or_else(missing)?.value());
        all.push((job, attempts));
    }
    all.sort_by_key(|(job, _)| job.accepted);
    Ok(all)
}

/// Writes down what became of a job, and that it is to be run no more.
pub(super) fn finish(
    transaction: &WriteTransaction,
    name: &JobName,
    finished: &Finished,
) -> Result<(), StoreError> {
    let bytes = name.as_bytes();
    drop_finished(transaction, name)?;
    let (replies, problem) = match &finished.outcome {
        Outcome::Replies(replies) => (Some(replies), None),
        Outcome::Problem(problem) => (None, Some(problem.clone())),
    };
    let kept = json(&Kept {
        tenant: finished.tenant.clone(),
        model: finished.claims.model,
        plan: finished.claims.plan,
        key: finished.claims.evaluation_key,
        requests: finished.claims.requests,
        replies: finished.claims.replies,
        at: finished.at,
        until: finished.until,
        problem,
    })?;
    let mut table = transaction.open_table(FINISHED).map_err(broken)?;
    table.insert(bytes, kept.as_slice()).map_err(broken)?;
    if let Some(replies) = replies {
        let mut table = transaction.open_table(REPLIES).map_err(broken)?;
        table.insert(bytes, &replies[..]).map_err(broken)?;
    }
    let mut table = transaction.open_table(UNTIL).map_err(broken)?;
    table
        .insert((milliseconds(finished.until), bytes), ())
        .map_err(broken)?;
    let mut table = transaction.open_table(JOBS).map_err(broken)?;
    table.remove(bytes).map_err(broken)?;
    let mut table = transaction.open_table(REQUESTS).map_err(broken)?;
    table.remove(bytes).map_err(broken)?;
    Ok(())
}

/// What became of a job, if it is still kept.
pub(super) fn finished(
    transaction: &ReadTransaction,
    name: &JobName,
    now: SystemTime,
) -> Result<Option<Finished>, StoreError> {
    let table = transaction.open_table(FINISHED).map_err(broken)?;
    let Some(kept) = table.get(name.as_bytes()).map_err(broken)? else {
        return Ok(None);
    };
    let kept: Kept = parse(kept.value())?;
    if kept.until <= now {
        return Ok(None);
    }
    let outcome = match kept.problem {
        Some(problem) => Outcome::Problem(problem),
        None => {
            let table = transaction.open_table(REPLIES).map_err(broken)?;
            let replies = table.get(name.as_bytes()).map_err(broken)?;
            let missing = || StoreError::Unavailable("the replies of a job are missing".to_owned());
            Outcome::Replies(Bytes::copy_from_slice(replies.ok_or_else(missing)?.value()))
        }
    };
    Ok(Some(Finished {
        tenant: kept.tenant,
        claims: Claims {
            model: kept.model,
            plan: kept.plan,
            evaluation_key: kept.key,
            requests: kept.requests,
            replies: kept.replies,
        },
        at: kept.at,
        until: kept.until,
        outcome,
    }))
}

/// Removes what was kept until this time at most, and returns how much that was.
pub(super) fn expire(transaction: &WriteTransaction, now: SystemTime) -> Result<usize, StoreError> {
    let last = (milliseconds(now), &[u8::MAX; 32]);
    let names: Vec<JobName> = {
        let table = transaction.open_table(UNTIL).map_err(broken)?;
        let mut names = Vec::new();
        for entry in table.range((0, &[0; 32])..=last).map_err(broken)? {
            let (place, ()) = entry
                .map(|(place, nothing)| (place, nothing.value()))
                .map_err(broken)?;
            names.push(JobName::from(*place.value().1));
        }
        names
    };
    for name in &names {
        drop_finished(transaction, name)?;
    }
    Ok(names.len())
}

/// Removes what is kept of a job.
fn drop_finished(transaction: &WriteTransaction, name: &JobName) -> Result<(), StoreError> {
    let bytes = name.as_bytes();
    let mut table = transaction.open_table(FINISHED).map_err(broken)?;
    let before = table.remove(bytes).map_err(broken)?;
    if let Some(kept) = before {
        let kept: Kept = parse(kept.value())?;
        let mut table = transaction.open_table(UNTIL).map_err(broken)?;
        table
            .remove((milliseconds(kept.until), bytes))
            .map_err(broken)?;
        let mut table = transaction.open_table(REPLIES).map_err(broken)?;
        table.remove(bytes).map_err(broken)?;
    }
    Ok(())
}

/// A time as it is stored.
fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
