//! The renderer through its public interface. The person is drawn here: nobody's photo is needed.

mod answers;
mod geometry;
mod light;
mod plane;
mod portrait;
mod repeatable;
mod subjects;
