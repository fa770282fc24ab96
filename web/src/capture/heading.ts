// The context under which a check says which heading its screens have: in a page of ours they are not the first.
export const HEADING = Symbol('heading');
