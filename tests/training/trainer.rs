//! What is expected of a trainer.
