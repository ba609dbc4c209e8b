import { lstat, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { NODE_SECRET_CHARS_MAX, sshKeyName, type KeyFacts, type NodeSecrets } from '../../shared/model/fleet'
import { HoldfastError } from '../../shared/model/failures'
import type { Secrets } from '../platform/ports'
import type { KeptNode } from './nodes'
import type { Credentials } from './probes'
import { factsOf, keyFactsOf } from './ssh-probe'

const text = z.string().nullable()
const stored = z.object({ password: text, privateKey: text, passphrase: text })
export const noCredentials: Credentials = { password: null, privateKey: null, passphrase: null }

/** Files of the key folder that are looked at. */
const FOLDER_FILES_MAX = 200

/** What nodes are logged in to with: one value of the secret store a node, and the key folder of the controller's user, which is only read. */
export class NodeCredentials {
  readonly #secrets: Secrets
  readonly #keyFolder: string

  constructor({ secrets, keyFolder }: { secrets: Secrets; keyFolder: string }) {
    this.#secrets = secrets
    this.#keyFolder = keyFolder
  }

  /** What is kept of one node. Rejects with `storage` when it cannot be read. */
  async of(nodeId: string): Promise<Credentials> {
    const kept = await this.#secrets.get(nameOf(nodeId))
    if (kept === null) return noCredentials
    try {
      return stored.parse(JSON.parse(kept))
    } catch {
      // Never the error: it may quote what could not be read.
      throw new HoldfastError('storage', 'The secrets of this node cannot be read.', {
        hint: 'Set its key or password again: holdfast node update NODE --key FILE',
      })
    }
  }

  /** What a check uses: a key of the folder where the node has none of its own. */
  async forCheck(node: KeptNode): Promise<Credentials> {
    const { secretsSet, ssh } = node
    const own = Object.values(secretsSet).some(Boolean) ? await this.of(node.id) : noCredentials
    if (ssh.method !== 'key' || own.privateKey !== null || ssh.keyName === null) return own
    return { ...own, privateKey: await this.#folderKey(ssh.keyName) }
  }

  async set(nodeId: string, credentials: Credentials): Promise<void> {
    const isEmpty = Object.values(credentials).every((value) => value === null)
    if (isEmpty) await this.#secrets.delete(nameOf(nodeId))
    else await this.#secrets.set(nameOf(nodeId), JSON.stringify(stored.parse(credentials)))
  }

  async remove(nodeId: string): Promise<void> {
    await this.#secrets.delete(nameOf(nodeId))
  }

  /** Private keys in the folder, by name. */
  async folderKeys(): Promise<readonly { readonly name: string; readonly key: KeyFacts | null }[]> {
    const files = await readdir(this.#keyFolder).catch((): string[] => [])
    const found: { name: string; key: KeyFacts | null }[] = []
    for (const name of files.filter((file) => sshKeyName.safeParse(file).success).slice(0, FOLDER_FILES_MAX)) {
      const privateKey = await this.#folderKey(name)
      if (privateKey === null || !/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(privateKey)) continue
      found.push({ name, key: (await this.#publicHalf(name)) ?? (await keyFactsOf(privateKey, null)) })
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Null: there is no such file, or none that could be a key. */
  async #folderKey(name: string): Promise<string | null> {
    const file = path.join(this.#keyFolder, sshKeyName.parse(name))
    try {
      const facts = await lstat(file)
      if (!facts.isFile() || facts.size > NODE_SECRET_CHARS_MAX) return null
      return await readFile(file, 'utf8')
    } catch {
      return null
    }
  }

  async #publicHalf(name: string): Promise<KeyFacts | null> {
    const blob = (await this.#folderKey(`${name}.pub`))?.split(/\s+/)[1]
    return blob === undefined ? null : factsOf(Buffer.from(blob, 'base64'))
  }
}

const nameOf = (nodeId: string): string => `node/${nodeId}`

/** What is not named stays; null removes. */
export function changedCredentials(
  before: Credentials,
  { password, privateKey, passphrase }: NodeSecrets,
): Credentials {
  return {
    password: password === undefined ? before.password : password,
    privateKey: privateKey === undefined ? before.privateKey : privateKey,
    passphrase: passphrase === undefined ? before.passphrase : passphrase,
  }
}
