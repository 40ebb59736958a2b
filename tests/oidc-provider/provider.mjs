// An OpenID provider for tests: npm's oidc-provider on 127.0.0.1, with the accounts and clients that the JSON in the
// first argument names. Prints "listening on PORT" when it does. It ends when standard input does, so that it never
// outlives its test.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const { port = 0, accounts, clients, claimsInIdToken = false } = JSON.parse(process.argv[2]);

// Made anew at each start: a restart on the same port is a rotation of keys.
const key = (type, options, alg) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  kid: randomBytes(8).toString('hex'),
  alg,
  use: 'sig',
});
const keys = [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256')];

const server = createServer();
await new Promise((listening) => server.listen(port, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients,
  jwks: { keys },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  // With a scope of groups, as providers of companies have it.
  claims: {
    openid: ['sub'],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
    groups: ['groups'],
  },
  // As the specification has it, claims of scopes come from userinfo when a code is exchanged; many providers write
  // them into the ID token as well.
  conformIdTokenClaims: !claimsInIdToken,
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true }, userinfo: { enabled: true } },
  // A refresh token for whoever asks for offline_access; the tests speak plain HTTP on a loopback address.
  issueRefreshToken: async (_, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  ttl: { AccessToken: 600, IdToken: 600, Interaction: 600, Session: 600, Grant: 600, RefreshToken: 600 },
  findAccount: async (_, id) =>
    accounts[id] && { accountId: id, claims: async () => ({ ...accounts[id], sub: id }) },
});
server.on('request', provider.callback());
console.log(`listening on ${server.address().port}`);

process.stdin.on('end', () => process.exit(0)).resume();
