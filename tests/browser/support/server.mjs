// A server for each test file, with a data folder of its own: files run beside each other and must not see each
// other's groups.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The key of every server that the tests start. */
export const key = 'test-key-for-the-browser';
/** The operator's key of every such server. */
export const operatorKey = 'operator-key-for-the-browser';

export function need(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is set by scripts/browser`);
  return value;
}

/** Starts the executable under test, perhaps with more variables and settings; returns its address and what ends it. */
export async function startServer({ variables = {}, more = '' } = {}) {
  const data = await mkdtemp(join(need('LIKENESS_WORK'), 'data-'));
  // A provider of keys that accounts may choose.
  const held = join(data, 'acme.key');
  execFileSync(need('LIKENESS_UNDER_TEST'), ['keys', 'create-file', held]);
  const settings = join(data, 'likeness.toml');
  await writeFile(settings, `[keys]\ntrusted_seconds = 1\n[[keys.providers]]\nname = "acme"\nkind = "file"\npath = ${JSON.stringify(held)}\n${more}`);
  const server = spawn(need('LIKENESS_UNDER_TEST'), ['serve'], {
    env: {
      ...process.env,
      LIKENESS_CONFIG: settings,
      LIKENESS_LISTEN: '127.0.0.1:0',
      LIKENESS_DATA: join(data, 'store'),
      LIKENESS_KEY1: key,
      LIKENESS_OPERATOR_KEY: operatorKey,
      LIKENESS_LOG: 'warn',
      ...variables,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // The script ends whatever a broken run leaves behind: these notes are what it goes by.
  const note = join(need('LIKENESS_WORK'), `server-${server.pid}`);
  await writeFile(note, '');
  const ended = new Promise((resolve) => server.once('exit', resolve));
  const stop = async () => {
    server.kill();
    await ended;
    await rm(note);
  };
  let said = '';
  const endpoint = await new Promise((resolve, reject) => {
    const listen = (chunk) => {
      said += chunk;
      const found = /listens on (http:\S+)/.exec(said);
      if (found) resolve(found[1]);
    };
    server.stdout.on('data', listen);
    server.stderr.on('data', listen);
    server.once('error', reject);
    server.once('exit', () => reject(new Error(`the server did not start:\n${said}`)));
  });
  return { endpoint, stop };
}
