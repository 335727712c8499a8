//! An embeddable, durable SQS endpoint for development, tests and one-machine installs.
