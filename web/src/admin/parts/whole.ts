// All of a list that the server gives in pages by id.
const PAGE = 500;
const MOST = 5000;

/** `isWhole`: the list ended before the bound. Entries come in the order of their ids. */
export async function whole<Entry>(
  page: (query: { start?: string; top: number }) => Promise<Entry[]>,
  idOf: (entry: Entry) => string,
): Promise<{ entries: Entry[]; isWhole: boolean }> {
  const found = new Map<string, Entry>();
  let start: string | undefined;
  while (found.size < MOST) {
    const next = await page({ ...(start === undefined ? {} : { start }), top: PAGE });
    const known = found.size;
    for (const entry of next) found.set(idOf(entry), entry);
    // A page may hold fewer than were asked for, and yet not be the last.
    if (found.size === known) return { entries: [...found.values()], isWhole: true };
    start = idOf(next.at(-1) as Entry);
  }
  return { entries: [...found.values()], isWhole: false };
}
