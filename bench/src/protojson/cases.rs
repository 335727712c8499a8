//! What is measured: a job as a partner sees it when it is done, and a page of jobs.

use anyhow::Context;
use postern_proto::DESCRIPTOR_SET;
use postern_protojson::{Codec, Message, Options};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

/// Lists leave results out, so that their jobs are about 570 bytes each.
const LIST_JOBS: usize = 112;

/// One message in both forms.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) message: Message,
    pub(crate) descriptor: MessageDescriptor,
    pub(crate) json: Vec<u8>,
    pub(crate) wire: Vec<u8>,
}

/// A job of about 640 bytes and a list of about 64 KB.
pub(crate) fn all() -> anyhow::Result<[Case; 2]> {
    let pool = DescriptorPool::decode(DESCRIPTOR_SET)?;
    // What all of the peers do alike: fields at their default are left out.
    let codec = Codec::new(pool.clone(), Options::default());
    let case = |name, message, text: String| Case::new(&codec, &pool, (name, message), &text);
    let jobs: Vec<_> = (0..LIST_JOBS).map(|number| job(number, "")).collect();
    let page = format!(
        r#"{{"jobs":[{}],"nextPageToken":"AZMvb2pwYWdl"}}"#,
        jobs.join(",")
    );
    let result = r#","result":{"inserted":9998,"skipped":2,"shard":"eu-3"}"#;
    Ok([
        case("job", "postern.v1.Job", job(7, result))?,
        case("list", "postern.v1.ListJobsResponse", page)?,
    ])
}

impl Case {
    fn new(
        codec: &Codec,
        pool: &DescriptorPool,
        (name, message): (&'static str, &str),
        text: &str,
    ) -> anyhow::Result<Self> {
        let descriptor = pool.get_message_by_name(message).context("no such message")?;
        let message = codec.message(&descriptor);
        let (mut wire, mut json) = (Vec::new(), Vec::new());
        message.to_wire(text.as_bytes(), &mut wire)?;
        message.to_json(&wire, &mut json)?;
        Ok(Self {
            name,
            message,
            descriptor,
            json,
            wire,
        })
    }

    /// Whether the bytes are the case's message, in whatever order.
    pub(crate) fn is_message(&self, wire: &[u8]) -> anyhow::Result<bool> {
        let decode = |wire| DynamicMessage::decode(self.descriptor.clone(), wire);
        Ok(decode(wire)? == decode(&self.wire)?)
    }
}

fn job(number: usize, result: &str) -> String {
    format!(
        r#"{{"jobId":"job_01jd8y2m6kq3w9v5t7b1c4f{number:03}","jobType":"contacts.import","jobTypeVersion":"1",
            "state":"JOB_STATE_SUCCEEDED","revision":{}{result},"progress":{{"completed":10000,"total":10000}},
            "dispatch":1,"labels":{{"campaign":"autumn-2026","source":"crm"}},
            "attachments":[{{"attachmentId":"att_01jd8y2m6kq3w9v5t7b1c4f000","name":"contacts.csv","contentType":"text/csv",
            "sizeBytes":"48213"}}],"requestId":"0b7e1c52-6a0f-4c5e-9a44-{number:012}","createTime":"2026-11-23T10:00:00.123456Z",
            "startTime":"2026-11-23T10:00:01.250Z","updateTime":"2026-11-23T10:04:59Z",
            "endTime":"2026-11-23T10:04:59Z"}}"#,
        3 + number
    )
}
