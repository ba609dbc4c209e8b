import type { OperationInput } from '../../../shared/console/contract'
import { nodeSorts, type NodeView } from '../../../shared/console/node-operations'
import type { Failure } from '../../../shared/model/failures'
import { nodeStatuses, SSH_PORT, SSH_USER, type NodeStatus, type SshMethod } from '../../../shared/model/fleet'
import { listFilter } from '../../found-list'
import type { Tone } from '../../ui/tone'

export const statusTones: Readonly<Record<NodeStatus, Tone>> = {
  online: 'edge',
  degraded: 'degraded',
  offline: 'critical',
  paused: 'quiet',
  unknown: 'quiet',
}
export const stepTones = { ok: 'edge', failed: 'critical', skipped: 'quiet' } as const

/** Who has a name; null: a session without an account, or nobody. */
export const nameOfActor = (actor: string): string | null => {
  const [door, name] = actor.split(/:(.*)/)
  return door === 'browser' || door === 'system' || name === undefined ? null : name
}

export const filterOf = listFilter(nodeSorts, nodeStatuses)

/** A node while it is edited, in the units of the fields. Secrets are typed anew or left as they are; what is set is never shown. */
export interface NodeDraft {
  readonly name: string
  readonly host: string
  readonly description: string
  /** One after the other, with commas between. */
  readonly tags: string
  readonly port: number | null
  readonly user: string
  readonly method: SshMethod
  /** Empty: none of the key folder. */
  readonly keyName: string
  readonly privateKey: string
  readonly passphrase: string
  readonly password: string
  /** What is set goes. */
  readonly forgets: { readonly privateKey: boolean; readonly passphrase: boolean; readonly password: boolean }
  readonly healthUrl: string
  /** Null: as the check configuration says. */
  readonly offlineAfterMs: number | null
}

export function draftOf(node: NodeView | null): NodeDraft {
  const { ssh } = node ?? { ssh: { port: SSH_PORT, user: SSH_USER, method: 'key' as const, keyName: null } }
  return {
    name: node?.name ?? '',
    host: node?.host ?? '',
    description: node?.description ?? '',
    tags: node?.tags.join(', ') ?? '',
    port: ssh.port,
    user: ssh.user,
    method: ssh.method,
    keyName: ssh.keyName ?? '',
    ...{ privateKey: '', passphrase: '', password: '' },
    forgets: { privateKey: false, passphrase: false, password: false },
    healthUrl: node?.healthUrl ?? '',
    offlineAfterMs: node?.offlineAfterMs ?? null,
  }
}

type Fields = Omit<OperationInput<'nodes.updateNode'>, 'nodeId' | 'pause' | 'acceptFingerprint' | 'expectedRevision'>
export const tagsIn = (text: string): string[] => [
  ...new Set(
    text
      .split(',')
      .map((tag) => tag.trim())
      .filter(Boolean),
  ),
]

function fieldsOf(draft: NodeDraft): Fields {
  const { port, user, method, keyName } = draft
  return {
    name: draft.name.trim(),
    host: draft.host.trim(),
    description: draft.description.trim(),
    tags: tagsIn(draft.tags),
    ssh: { port: port ?? SSH_PORT, user: user.trim(), method, keyName: keyName === '' ? null : keyName },
    healthUrl: draft.healthUrl.trim() === '' ? null : draft.healthUrl.trim(),
    offlineAfterMs: draft.offlineAfterMs,
  }
}
function secretsOf(draft: NodeDraft): Fields['secrets'] {
  const one = (name: 'privateKey' | 'passphrase' | 'password') => {
    // A key keeps its line breaks: without the last one some programs do not take it.
    if (draft[name].trim() !== '') return { [name]: draft[name] }
    return draft.forgets[name] ? { [name]: null } : {}
  }
  const secrets = { ...one('privateKey'), ...one('passphrase'), ...one('password') }
  return Object.keys(secrets).length > 0 ? secrets : undefined
}

/** What `nodes.addNode` is asked for. */
export function additionOf(draft: NodeDraft): OperationInput<'nodes.addNode'> {
  const secrets = secretsOf(draft)
  return { ...fieldsOf(draft), name: draft.name.trim(), host: draft.host.trim(), ...(secrets && { secrets }) }
}

/** Fields that differ from the node; the controller itself is asked for nothing but what it has. */
export function changesOf(draft: NodeDraft, node: NodeView): Fields {
  const after = fieldsOf(draft)
  const before = fieldsOf(draftOf(node))
  const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
  const changed = Object.fromEntries(
    (Object.keys(after) as (keyof Fields)[])
      .filter((name) => !isSame(after[name], before[name]))
      .map((name) => [name, after[name]]),
  ) as Fields
  const secrets = secretsOf(draft)
  return { ...changed, ...(secrets && { secrets }) }
}

/** What the controller says about single fields; empty when its refusal is about something else. `ssh.port` is called `port`. */
export function fieldErrorsOf(failure: Failure | null): Readonly<Record<string, string>> {
  if (!failure || !Array.isArray(failure.details)) return {}
  const found = failure.details.flatMap((detail) => {
    if (typeof detail !== 'object' || detail === null || Array.isArray(detail)) return []
    const { field, message } = detail
    if (typeof field !== 'string' || typeof message !== 'string' || field === '') return []
    return [[field.split('.').at(/^(ssh|secrets)\./.test(field) ? 1 : 0) ?? field, message] as const]
  })
  return Object.fromEntries(found)
}
