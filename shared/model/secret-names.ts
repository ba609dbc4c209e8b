/**
 * What a field is called that holds a secret: the one list for documents, parameters, logs and bundles. Where names are other people's (settings of drivers,
 * arguments of methods) too much is hidden rather than too little; where they are our own, a name may say that it is about a secret and holds none.
 */
const anywhere = /password|passwd|passphrase|secret|token|authorization|credential|cookie|api[-_ ]?key/i
/** Also parts of harmless words (`monkey`, `mapping`): secret only as a word of its own. */
const asWord: ReadonlySet<string> = new Set(['key', 'keys', 'pin', 'pins', 'proof', 'proofs', 'passcode'])
/** The last word of names of our own that are about a secret. */
const aboutIt: ReadonlySet<string> = new Set(['id', 'ids', 'name', 'at', 'count'])

const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')

/** Whether a field of this name is taken to hold a secret, whoever named it: `password`, `apiKey`, `API_TOKEN`, `keyPem`, `tokenUrl`. */
export function isSecretName(name: string): boolean {
  return anywhere.test(name) || wordsOf(name).some((word) => asWord.has(word))
}

/** The same for fields that this program names itself, e.g. in its log: `clientProof` holds one, `secretId` and `tokenCount` do not. */
export function isSecretField(name: string): boolean {
  return isSecretName(name) && !aboutIt.has(wordsOf(name).at(-1) ?? '')
}

/** The same for parameters of operations as the audit keeps them: `joinCode` and `sshkey` hold one, `tokenId` does not. */
export function isSecretParameter(name: string): boolean {
  return (isSecretName(name) || /code|key/i.test(name)) && !/ids?$/i.test(name)
}
