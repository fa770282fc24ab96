// A real identity provider for tests: oidc-provider, with people that the test names.
//
//   node provider.mjs MODULES PEOPLE [ALGORITHM]
//
// MODULES is the folder in which the package is installed. PEOPLE is a JSON object: by the id of each, what is said of
// them in their tokens (`claims`) and for how many seconds a token lasts (`seconds`). Everybody's secret is "secret";
// whoever shows it gets an access token, a JWT, for the audience they name in `resource`. ALGORITHM is RS256 without it.
//
// Prints its address once it listens, and ends when its standard input does. What no provider offers, for the test alone:
//
//   POST /test/rotate   a new key signs from now on; the old ones are still published
//   POST /test/forget   all keys but the one that signs are published no more
//   POST /test/ahead/N  its clock is N seconds ahead of the true one
//   GET  /test/pem      the public key that checks what is signed now, as PEM
//   GET  /test/asked    how often the discovery document and the keys were asked for

import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const [modules, people, algorithm = 'RS256'] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${modules}/node_modules/oidc-provider/lib/index.js`));
const known = JSON.parse(people);

const trueNow = Date.now;
let ahead = 0;
Date.now = () => trueNow() + ahead * 1000;

const newKey = () => {
  const { privateKey } =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: algorithm };
};
let keys = [newKey()];

let issuer;
let answer;
// The package takes its keys once, so other keys are another provider of the same name.
const start = () => {
  const provider = new Provider(issuer, {
    clients: Object.keys(known).map((id) => ({
      client_id: id,
      client_secret: 'secret',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: algorithm,
    })),
    jwks: { keys },
    cookies: { keys: ['test'] },
    enabledJWA: { idTokenSigningAlgValues: [algorithm] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource, client) => ({
          audience: resource,
          scope: '',
          accessTokenTTL: known[client.clientId].seconds ?? 3600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: algorithm, kid: keys[0].kid } },
        }),
      },
    },
    extraTokenClaims: (_, token) => known[token.clientId].claims,
  });
  answer = provider.callback();
};

const asked = { discovery: 0, keys: 0 };
const server = createServer((request, response) => {
  const [, place, what, value] = request.url.split('/');
  if (request.url === '/.well-known/openid-configuration') asked.discovery += 1;
  if (request.url === '/jwks') asked.keys += 1;
  if (place !== 'test') return answer(request, response);
  let said = '';
  if (what === 'rotate') keys = [newKey(), ...keys];
  if (what === 'forget') keys = keys.slice(0, 1);
  if (what === 'ahead') ahead = Number(value);
  if (what === 'pem') said = createPublicKey({ key: keys[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  if (what === 'asked') said = JSON.stringify(asked);
  if (what === 'rotate' || what === 'forget') start();
  response.end(said);
});
server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  start();
  console.log(issuer);
});
process.stdin.on('end', () => process.exit()).resume();
