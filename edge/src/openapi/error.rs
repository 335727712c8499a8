//! The error body, and what may stand in its details (`google/rpc/error_details.proto`).

use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, MessageDescriptor};
use tonic::Code;

use super::model::{Media, Ordered, Response, Schema};
use super::schema::{Direction, Schemas};
use crate::problem::code;

/// The component of the error body. No dot: a message without a package would have to have this very name.
pub(super) const SCHEMA: &str = "Error";
/// Where the answer of every failed operation stands.
pub(super) const RESPONSE: &str = "#/components/responses/Error";

/// Where the edge itself refuses, the HTTP status says more than the code.
const REFUSALS: [(u16, &str); 5] = [
    (405, "the path has other methods; `Allow` names them"),
    (406, "none of the forms of a stream is accepted"),
    (413, "the body is too large"),
    (415, "the body is not what the method takes"),
    (431, "the headers are too large"),
];

/// The messages that details may be.
pub(super) fn details(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    let file = pool.get_file_by_name("google/rpc/error_details.proto");
    file.iter()
        .flat_map(|file| file.messages().collect::<Vec<_>>())
        .collect()
}

pub(super) fn response() -> Response {
    let media = Media::whole(Schema::reference(SCHEMA));
    Response::Own {
        description: description(),
        content: [("application/json", media)].into_iter().collect(),
    }
}

/// `{"error":{"code","status","message","details"}}`.
pub(super) fn schema(pool: &DescriptorPool, schemas: &mut Schemas<'_>) -> Schema {
    let details = details(pool);
    let known = details.iter().map(|message| detail(message, schemas)).collect();
    let any = Schema {
        properties: [("@type", Schema::of("string"))].into_iter().collect(),
        required: vec!["@type".to_owned()],
        all_of: known,
        ..Schema::of("object")
    };
    let names = codes().map(|code| code::name(code).to_owned()).collect();
    let error = [
        ("code", Schema::of("integer").described("The HTTP status.")),
        (
            "status",
            Schema {
                values: names,
                ..Schema::of("string")
            }
            .described("The gRPC code."),
        ),
        (
            "message",
            Schema::of("string").described("For people; it may change."),
        ),
        (
            "details",
            Schema::list(any).described("For programs: the reason stands in `google.rpc.ErrorInfo`."),
        ),
    ];
    object([("error", object(error))])
}

/// A detail of this type has its fields; one of a type that is not known here may have any.
fn detail(message: &MessageDescriptor, schemas: &mut Schemas<'_>) -> Schema {
    let name = format!("type.googleapis.com/{}", message.full_name());
    let is_it = Schema {
        properties: [("@type", Schema::constant(&name))].into_iter().collect(),
        required: vec!["@type".to_owned()],
        ..Schema::default()
    };
    Schema {
        condition: Some(Box::new(is_it)),
        then: Some(Box::new(schemas.message(message, Direction::Answer))),
        ..Schema::default()
    }
}

fn object<const N: usize>(properties: [(&str, Schema); N]) -> Schema {
    let properties: Ordered<_> = properties.into_iter().collect();
    Schema {
        required: properties.iter().map(|(name, _)| name.to_owned()).collect(),
        properties,
        ..Schema::of("object")
    }
}

fn description() -> String {
    let mut text = "The call failed. The HTTP status and the gRPC code:\n".to_owned();
    for code in codes() {
        let _ = write!(
            text,
            "\n- {} `{}`",
            code::http_status(code).as_u16(),
            code::name(code)
        );
    }
    for (status, meaning) in REFUSALS {
        let _ = write!(text, "\n- {status}: {meaning}");
    }
    text
}

/// Every code but OK.
fn codes() -> impl Iterator<Item = Code> {
    (1..=16).map(Code::from_i32)
}
