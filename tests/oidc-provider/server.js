// A real OpenID provider on a loopback port, for the tests and the walk of README.md. Whoever comes
// is let in at once as `ACCOUNT`. Prints its issuer in one line when it serves.
const { createServer } = require('node:http');
const { generateKeyPairSync, randomUUID } = require('node:crypto');

const { PORT = '0', ACCOUNT = 'ann', CLIENT_ID = 'shop', CLIENT_SECRET = 'local-secret', REDIRECT_URL } = process.env;
if (!REDIRECT_URL) throw new Error('REDIRECT_URL must be where people are sent back to');

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };

const configuration = {
  clients: [{
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
    redirect_uris: [REDIRECT_URL],
    response_types: ['code'],
    grant_types: ['authorization_code'],
  }],
  jwks: { keys: [key] },
  cookies: { keys: [randomUUID()] },
  pkce: { methods: ['S256'], required: () => true },
  // As Google does: the address is in the ID token.
  conformIdTokenClaims: false,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['given_name', 'family_name'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: `${id}@example.com`,
      email_verified: true,
      given_name: id.replace(/^./, (letter) => letter.toUpperCase()),
      family_name: 'Lee',
    }),
  }),
  // Nobody is asked for consent.
  loadExistingGrant: async (context) => {
    const { client, session } = context.oidc;
    const grant = new context.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid email profile');
    await grant.save();
    return grant;
  },
};

async function main() {
  const { default: Provider } = await import('oidc-provider');
  const server = createServer();
  await new Promise((listening) => server.listen(Number(PORT), '127.0.0.1', listening));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  const answer = provider.callback();
  server.on('request', (request, response) => {
    if (request.url.startsWith('/interaction/')) {
      const login = { login: { accountId: ACCOUNT } };
      provider.interactionFinished(request, response, login).catch((error) => {
        response.writeHead(400).end(String(error));
      });
    } else {
      answer(request, response);
    }
  });
  console.log(`issuer ${issuer}`);
}

main();
