//! Who is next: tenants take turns, keys of a tenant take turns, and jobs under one key go together.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::protocol::{Hash, JobName, Tenant};
use crate::store::Job;

/// Jobs that wait, in the order in which they are taken. Every step takes a time that does not grow with the jobs
/// that wait, but for the logarithm of those under one key.
#[derive(Default)]
pub(super) struct Schedule {
    lines: HashMap<Tenant, Line>,
    /// Tenants with jobs that wait, the next one first.
    turns: VecDeque<Tenant>,
    /// The number that the next job gets.
    next: u64,
    waiting: usize,
}

/// The jobs of one tenant that wait.
#[derive(Default)]
struct Line {
    groups: HashMap<Group, BTreeMap<u64, JobName>>,
    /// Groups with jobs, the next one first.
    turns: VecDeque<Group>,
}

/// The plan and the key of jobs that run together.
type Group = (Hash, Hash);

impl Schedule {
    /// Adds a job behind the others under its key, and returns its number.
    pub(super) fn push(&mut self, job: &Job) -> u64 {
        let number = self.next;
        self.next += 1;
        self.insert(job, number);
        number
    }

    /// Adds a job with a number that it had before, so that it comes before those that came later.
    pub(super) fn insert(&mut self, job: &Job, number: u64) {
        let line = match self.lines.get_mut(&job.tenant) {
            Some(line) => line,
            None => {
                self.turns.push_back(job.tenant.clone());
                self.lines.entry(job.tenant.clone()).or_default()
            }
        };
        let group = (job.plan, job.key);
        let names = line.groups.entry(group).or_insert_with(|| {
            line.turns.push_back(group);
            BTreeMap::new()
        });
        if names.insert(number, job.name).is_none() {
            self.waiting += 1;
        }
    }

    /// Removes a job that is no longer wanted.
    pub(super) fn remove(&mut self, job: &Job, number: u64) {
        let Some(line) = self.lines.get_mut(&job.tenant) else {
            return;
        };
        let group = (job.plan, job.key);
        let Some(names) = line.groups.get_mut(&group) else {
            return;
        };
        if names.remove(&number).is_some() {
            self.waiting -= 1;
        }
        if names.is_empty() {
            line.groups.remove(&group);
            line.turns.retain(|other| *other != group);
        }
        if line.groups.is_empty() {
            self.lines.remove(&job.tenant);
            self.turns.retain(|tenant| *tenant != job.tenant);
        }
    }

    /// Takes the next jobs: 1 to `most` of one group, or none if nothing waits.
    pub(super) fn take(&mut self, most: usize) -> Vec<JobName> {
        let Some(tenant) = self.turns.pop_front() else {
            return Vec::new();
        };
        let line = self
            .lines
            .get_mut(&tenant)
            .expect("a tenant that has a turn has a line");
        let group = line
            .turns
            .pop_front()
            .expect("a line has a group whose turn it is");
        let names = line
            .groups
            .get_mut(&group)
            .expect("a group that has a turn has jobs");
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some((_, name)) = names.pop_first() else {
                break;
            };
            taken.push(name);
        }
        self.waiting -= taken.len();
        if names.is_empty() {
            line.groups.remove(&group);
        } else {
            line.turns.push_back(group);
        }
        if line.groups.is_empty() {
            self.lines.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        taken
    }

    /// Number of jobs that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::SystemTime;

    use bytes::Bytes;

    use super::*;

    /// A job of a tenant under a key.
    pub(crate) fn job(tenant: &str, key: u8, number: u8) -> Job {
        let requests = vec![number];
        let mut name = [0; 32];
        name[..3].copy_from_slice(&[tenant.as_bytes()[0], key, number]);
        Job {
            name: name.into(),
            tenant: tenant.parse().expect("it is a name"),
            model_name: "digits".parse().expect("it is a name"),
            model: [1; 32].into(),
            plan: [2; 32].into(),
            key: [key; 32].into(),
            requests_hash: Hash::of(&requests),
            accepted: SystemTime::now(),
            deadline: SystemTime::now() + std::time::Duration::from_secs(60),
            requests: Bytes::from(requests),
        }
    }

    #[test]
    fn tenants_take_turns_and_requests_under_one_key_go_together() {
        let mut schedule = Schedule::default();
        for number in 0..5 {
            schedule.push(&job("a", 0, number));
        }
        schedule.push(&job("a", 1, 0));
        schedule.push(&job("b", 0, 0));
        let take = |schedule: &mut Schedule| -> Vec<JobName> { schedule.take(3) };
        let names = |jobs: &[(&str, u8, u8)]| -> Vec<JobName> {
            let name = |&(tenant, key, number)| job(tenant, key, number).name;
            jobs.iter().map(name).collect()
        };
        assert_eq!(
            take(&mut schedule),
            names(&[("a", 0, 0), ("a", 0, 1), ("a", 0, 2)])
        );
        assert_eq!(take(&mut schedule), names(&[("b", 0, 0)]));
        assert_eq!(take(&mut schedule), names(&[("a", 1, 0)]));
        assert_eq!(take(&mut schedule), names(&[("a", 0, 3), ("a", 0, 4)]));
        assert_eq!(take(&mut schedule), names(&[]));
        assert_eq!(schedule.waiting(), 0);
    }

    #[test]
    fn a_job_that_is_removed_leaves_nothing_behind() {
        let mut schedule = Schedule::default();
        for _ in 0..100 {
            let number = schedule.push(&job("a", 0, 0));
            schedule.remove(&job("a", 0, 0), number);
        }
        assert!(schedule.lines.is_empty() && schedule.turns.is_empty());
        assert_eq!(schedule.waiting(), 0);
    }
}
