// The end of a trail that can only be read forwards.

/** The number of the last row; `next` gives the number of the first row after another, if there is one. */
export async function findEnd(next: (after: number) => Promise<number | undefined>): Promise<number> {
  let known = 0;
  let step = 64;
  // Strides that double until they lead beyond the end, then halves of the last one.
  for (;;) {
    const found = await next(known + step);
    if (found === undefined) break;
    known = found;
    step *= 2;
  }
  let low = known;
  let high = known + step;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = await next(middle);
    if (found === undefined) high = middle;
    else low = found;
  }
  return low;
}
