//! Likeness from outside: the executable, its HTTP and its command line, with real networks and real photos.

mod absent;
mod accounts;
mod attributes;
mod bench;
mod concurrency;
mod confusion;
mod costume;
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
mod models;
mod nodes;
mod pages;
mod pictures;
mod pipeline;
mod refusals;
mod snapshots;
mod tiers;
