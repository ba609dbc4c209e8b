import { expect, test } from 'vitest'
import { presentable } from '../../../electron/console/dispatch'
import { visibleFields } from '../../../electron/platform/logger'
import { withoutSecrets } from '../../../shared/console/hidden'
import { isSecretField, isSecretName, isSecretParameter } from '../../../shared/model/secret-names'

/** Each hid a value somewhere before there was one list. None may show it anywhere now. */
const secret = [
  ...['password', 'Passwd', 'dbPASSWORD', 'secret', 'clientSecret', 'token', 'joinToken', 'API_TOKEN', 'authorization'],
  ...[
    'proxyAuthorization',
    'credentials',
    'apiKey',
    'api-key',
    'apikey',
    'passphrase',
    'key',
    'KEY',
    'caKey',
    'keyPem',
  ],
  ...['server-proof', 'clientProof', 'cookie', 'Set-Cookie', 'sessionCookies', 'pin', 'devicePin', 'PIN', 'passcode'],
]
/** Named by this program, about a secret. */
const about = ['secretId', 'tokenId', 'keyName', 'secretName', 'tokenCount', 'proofAt', 'tokenIds']
const harmless = ['monkey', 'keyboard', 'mapping', 'spinner', 'code', 'name', 'url', 'waterproof']

test.each(secret)('%s names a secret wherever it stands', (name) => {
  expect([isSecretName(name), isSecretField(name), isSecretParameter(name)]).toEqual([true, true, true])
  const fields = { deep: [{ [name]: 'HIDDEN' }] }
  for (const shown of [withoutSecrets(fields), visibleFields(fields), presentable(fields)])
    expect(JSON.stringify(shown)).not.toContain('HIDDEN')
})

test('what is only about a secret is shown in the log, what is harmless everywhere but where a code may let somebody in', () => {
  expect(about.filter(isSecretField)).toEqual([])
  expect(harmless.filter((name) => isSecretName(name) || isSecretField(name))).toEqual([])
  // Of other people's documents too much is hidden rather than too little.
  expect(about.filter((name) => !isSecretName(name))).toEqual([])
  expect(['joinCode', 'sshkey', 'tokenName'].filter((name) => !isSecretParameter(name))).toEqual([])
  expect(['tokenId', 'tokenIds', 'secretId', 'name'].filter(isSecretParameter)).toEqual([])
})
