//! Consumer SDK: executes tasks from SQS and reports their outcomes.
