// The key of the Face API: kept for this browser tab only, taken from the printed address `#key=...` when there is one.

const PLACE = 'likeness-key';

class Key {
  /** The key that the server has accepted; empty while there is none. */
  value = $state('');
  /** Whether the server refused the last key. */
  refused = $state(false);
  /** A key that waits to be tried: from the address first, else from this tab's storage. */
  waiting = $state(takeFromAddress() ?? sessionStorage.getItem(PLACE) ?? '');

  /** The address has changed; a key in it replaces the one in use. */
  addressChanged(): void {
    const given = takeFromAddress();
    if (given === undefined) return;
    this.forget();
    this.waiting = given;
  }

  accept(value: string): void {
    sessionStorage.setItem(PLACE, value);
    this.refused = false;
    this.value = value;
  }

  forget(): void {
    sessionStorage.removeItem(PLACE);
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

export const key = new Key();
