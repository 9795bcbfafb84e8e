//! What a worker does to the world, against real sockets on this machine.

mod adapter;
mod authentication;
mod configured;
mod delivery;
mod egress;
mod generate;
mod handler;
mod http;
mod limits;
mod message;
mod proof;
mod site;
