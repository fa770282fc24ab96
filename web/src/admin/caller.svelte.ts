// Who has opened the page, and the accounts they see.
import { asProblem, type Problem } from '../shared/api/problem';
import * as api from './api';
import type { Account, May, Me } from './shapes';

class Caller {
  me = $state.raw<Me>();
  accounts = $state.raw<Account[]>([]);
  problem = $state.raw<Problem>();

  async load(): Promise<void> {
    this.problem = undefined;
    try {
      const me = await api.me();
      this.accounts = me.isOperator
        ? await api.accounts()
        : await Promise.all(me.accounts.map(({ id }) => api.account(id)));
      this.me = me;
    } catch (thrown) {
      this.problem = asProblem(thrown);
    }
  }

  forget(): void {
    this.me = undefined;
    this.accounts = [];
    this.problem = undefined;
  }

  find(id: string): Account | undefined {
    return this.accounts.find((account) => account.id === id);
  }

  /** Takes over what the server says about an account now. */
  put(account: Account): void {
    const known = this.accounts.some(({ id }) => id === account.id);
    this.accounts = known
      ? this.accounts.map((old) => (old.id === account.id ? account : old))
      : [...this.accounts, account];
  }

  /** For changes whose answer does not show the account. */
  async refresh(id: string): Promise<void> {
    this.put(await api.account(id));
  }

  /** Draws an account anew: a switch that the server did not follow goes back. */
  showAgain(account: Account): void {
    this.put({ ...account });
  }

  remove(id: string): void {
    this.accounts = this.accounts.filter((account) => account.id !== id);
  }

  may(id: string): May {
    const operate = this.me?.isOperator ?? false;
    const own = this.me?.accounts.find((account) => account.id === id);
    return {
      operate,
      manage: operate || (own?.mayManage ?? false),
      assignRoles: this.me?.kind === 'operator' || (own?.mayAssignRoles ?? false),
      listKeys: operate || (own?.mayListKeys ?? false),
      readPersons: this.me?.kind === 'operator' || (own?.mayReadPersons ?? false),
      erasePersons: this.me?.kind === 'operator' || (own?.mayErasePersons ?? false),
    };
  }
}

export const caller = new Caller();
