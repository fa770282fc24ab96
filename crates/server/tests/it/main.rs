//! Likeness from outside: the executable, its HTTP and its command line, with real networks and real photos.

mod absent;
mod accounts;
mod bench;
mod concurrency;
mod directory;
mod durability;
mod embeddings;
mod engines;
mod evaluate;
mod family;
mod first_start;
mod fuzz;
mod golden;
mod house;
mod lifecycle;
mod pages;
mod pictures;
mod refusals;
mod snapshots;
mod tiers;
