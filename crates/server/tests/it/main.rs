//! Likeness from outside: the executable, its HTTP and its command line, with real networks and real photos.

mod accounts;
mod bench;
mod concurrency;
mod directory;
mod durability;
mod embeddings;
mod engines;
mod family;
mod first_start;
mod golden;
mod house;
mod lifecycle;
mod pages;
mod pictures;
mod refusals;
mod snapshots;
