//! Outcome tokens: each names a job and one dispatch of it.

use uuid::Uuid;

use super::{Purpose, Seal};
use crate::job::JobId;

impl Seal {
    /// What a consumer must send back in every outcome of this dispatch.
    #[must_use]
    pub fn outcome_token(&self, job: JobId, dispatch: i32) -> String {
        let content = [&job.uuid().as_bytes()[..], &dispatch.to_be_bytes()].concat();
        self.seal(Purpose::Outcome, &[], &content)
    }

    /// The job and the dispatch that an authentic token names.
    #[must_use]
    pub fn open_outcome_token(&self, token: &str) -> Option<(JobId, i32)> {
        let content = self.open(Purpose::Outcome, &[], token)?;
        let (job, dispatch) = content.split_at_checked(size_of::<Uuid>())?;
        let job = JobId::from_uuid(Uuid::from_slice(job).ok()?);
        Some((job, i32::from_be_bytes(dispatch.try_into().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_job_and_dispatch() {
        let seal = Seal::parse(&Seal::generate().unwrap()).unwrap();
        let job = JobId::new(1);
        let token = seal.outcome_token(job, 7);
        assert_eq!(seal.open_outcome_token(&token), Some((job, 7)));
        assert!(
            token.len() <= 256
                && token
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        );
    }
}
