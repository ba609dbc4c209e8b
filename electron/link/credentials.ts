import { z } from 'zod'
import { HoldfastError } from '../../shared/model/failures'
import type { Secrets } from '../platform/ports'
import { rotatedSecret } from './proof'

const NAME = 'link/credentials'
const secretEntry = z.object({ secretId: z.string(), secret: z.string().regex(/^[0-9a-f]{64}$/) })
const stored = z.object({
  planeId: z.string(),
  edgeId: z.string(),
  edgeName: z.string(),
  /** Of this joining, in what the site writes from then on; absent in stores of earlier versions. */
  enrolmentId: z.string().optional(),
  /** What was written under earlier enrolments is to be given up, and has not been yet. */
  dropBacklog: z.literal(true).optional(),
  caPem: z.string(),
  masterUrls: z.array(z.string()).min(1),
  current: secretEntry,
  /** The successor, until it has been proven once. */
  next: secretEntry.nullable(),
})
/** What an edge knows of its master since it joined. Holds secrets: never logged, never sent. */
export type EdgeCredentials = z.infer<typeof stored>

/** The edge's side of its enrolment, kept in `Secrets` as one value, so that it is always whole. */
export class CredentialStore {
  readonly #secrets: Secrets
  #cached: EdgeCredentials | null = null

  constructor(secrets: Secrets) {
    this.#secrets = secrets
  }

  /** Null: this controller has not joined. Rejects with `HoldfastError('storage')` when what is stored cannot be read. */
  async load(): Promise<EdgeCredentials | null> {
    if (this.#cached !== null) return this.#cached
    const text = await this.#secrets.get(NAME)
    if (text === null) return null
    const read = stored.safeParse(parsed(text))
    if (!read.success)
      throw new HoldfastError('storage', 'The stored credentials of the link cannot be read', {
        hint: 'Join the master again with a new join code.',
      })
    this.#cached = read.data
    return read.data
  }

  async save(credentials: EdgeCredentials): Promise<void> {
    await this.#secrets.set(NAME, JSON.stringify(credentials))
    this.#cached = credentials
  }

  /** Serves `secret.rotate`: both secrets stay valid here until the new one has been proven. Repeating it is harmless. */
  async rotate({ baseId, secretId, salt }: { baseId: string; secretId: string; salt: string }): Promise<void> {
    const credentials = await this.load()
    if (credentials === null) throw new HoldfastError('conflict', 'This edge has not joined')
    const base = [credentials.current, credentials.next].find((entry) => entry?.secretId === baseId)
    if (base == null) throw new HoldfastError('conflict', 'The rotation starts from a secret this edge does not have')
    const next = {
      secretId,
      secret: rotatedSecret(Buffer.from(base.secret, 'hex'), Buffer.from(salt, 'hex'), secretId).toString('hex'),
    }
    await this.save({ ...credentials, current: base, next })
  }

  /** The operator's word about the backlog is carried out. */
  async backlogDropped(): Promise<void> {
    const credentials = await this.load()
    if (credentials?.dropBacklog === undefined) return
    const { dropBacklog: _, ...rest } = credentials
    await this.save(rest)
  }

  /** The master knows this secret: the other one is forgotten. */
  async proven(secretId: string): Promise<void> {
    const credentials = await this.load()
    if (credentials?.next?.secretId === secretId)
      await this.save({ ...credentials, current: credentials.next, next: null })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
