// A key that opens a page: kept for this browser tab only, taken from the printed address `#key=...` when there is one.

export class Key {
  /** The key that the server has accepted; empty while there is none. */
  value = $state('');
  /** Whether the server refused the last key. */
  refused = $state(false);
  /** A key that waits to be tried: from the address first, else from this tab's storage. */
  waiting = $state('');

  /** `place`: its name in this tab's storage, one for each page, so that no page tries the key of another. */
  constructor(private readonly place: string) {
    this.waiting = takeFromAddress() ?? sessionStorage.getItem(place) ?? '';
  }

  /** The address has changed; a key in it replaces the one in use. */
  addressChanged(): void {
    const given = takeFromAddress();
    if (given === undefined) return;
    this.forget();
    this.waiting = given;
  }

  accept(value: string): void {
    sessionStorage.setItem(this.place, value);
    this.refused = false;
    this.value = value;
  }

  forget(): void {
    sessionStorage.removeItem(this.place);
    this.refused = false;
    this.value = '';
  }

  /** The server no longer takes the key. */
  refuse(): void {
    this.forget();
    this.refused = true;
  }
}

/** Reads `#key=...` and takes it out of the address bar and the history, where others might see it. */
function takeFromAddress(): string | undefined {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const found = fragment.get('key')?.trim();
  if (!found) return undefined;
  history.replaceState(history.state, '', location.pathname + location.search);
  return found;
}
