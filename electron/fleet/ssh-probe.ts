import { createHash } from 'node:crypto'
import type { AnyAuthMethod, Client, ConnectConfig, ParsedKey } from 'ssh2'
import type { KeyFacts, NodeSaid, NodeSaying, StepCode } from '../../shared/model/fleet'
import type { Clock } from '../platform/ports'
import { deadline } from './deadline'
import { failed, reasonOf, skipped, succeeded, type Probes, type SshFound, type SshTarget } from './probes'

type Ssh2 = typeof import('ssh2')

/** Loaded with the first check that needs it: a controller without nodes never has it in memory. */
let loaded: Promise<Ssh2> | null = null
const ssh2 = (): Promise<Ssh2> =>
  (loaded ??= import('ssh2').then((module) => (module as unknown as { default?: Ssh2 }).default ?? module))

/** Of a public key in the wire format. */
export function factsOf(blob: Uint8Array): KeyFacts {
  const bytes = Buffer.from(blob)
  const length = bytes.length >= 4 ? bytes.readUInt32BE(0) : 0
  const type = bytes.subarray(4, 4 + Math.min(length, 64)).toString('latin1')
  return { type, fingerprint: `SHA256:${createHash('sha256').update(bytes).digest('base64').replace(/=+$/, '')}` }
}

/** Public half of a private key. Null: it is none, or its passphrase is missing or wrong. */
export async function keyFactsOf(privateKey: string, passphrase: string | null): Promise<KeyFacts | null> {
  const key = parsedKey(await ssh2(), privateKey, passphrase)
  return key === null ? null : factsOf(key.getPublicSSH())
}

function parsedKey({ utils }: Ssh2, privateKey: string, passphrase: string | null): ParsedKey | null {
  const parsed: unknown = utils.parseKey(privateKey, passphrase ?? undefined)
  // A file may hold several keys.
  const key = (Array.isArray(parsed) ? parsed[0] : parsed) as ParsedKey | Error | undefined
  return key === undefined || key instanceof Error || !key.isPrivateKey() ? null : key
}

/** Why there is no login. */
type Fault = readonly [StepCode, NodeSaid]
const fault = (code: StepCode, key: NodeSaying, params: NodeSaid['params'] = {}): Fault => [
  code,
  { key, step: 'ssh', params },
]

/** What may be shown to a server that has proven its key; a fault: why there is nothing. */
function methodsOf(module: Ssh2, target: SshTarget, agent: string | null): AnyAuthMethod[] | Fault {
  const { ssh, credentials } = target
  const username = ssh.user
  switch (ssh.method) {
    case 'key': {
      if (credentials.privateKey === null) return fault('no-credentials', 'noPrivateKey')
      const key = parsedKey(module, credentials.privateKey, credentials.passphrase)
      if (key === null) return fault('key-unusable', 'keyUnusable')
      return [{ type: 'publickey', username, key }]
    }
    case 'password': {
      const { password } = credentials
      if (password === null) return fault('no-credentials', 'noPassword')
      // Many servers ask for the password by questions; more than one question is not for us to answer.
      const prompt = (
        _name: string,
        _what: string,
        _lang: string,
        asked: unknown[],
        answer: (words: string[]) => void,
      ) => answer(asked.length === 1 ? [password] : [])
      return [
        { type: 'password', username, password },
        { type: 'keyboard-interactive', username, prompt },
      ] as AnyAuthMethod[]
    }
    case 'agent':
      if (agent === null) return fault('agent-missing', 'noAgent')
      return [{ type: 'agent', username, agent }]
  }
}

/**
 * Logs in and leaves at once. Nothing of the credentials is sent before the server has shown the pinned key, or any at first contact. `agent`: where the agent
 * of the controller's user is; null: there is none.
 */
export function sshProbe(clock: Clock, agent: string | null): Probes['ssh'] {
  return async (target, timeoutMs, signal) => {
    const module = await ssh2()
    const methods = methodsOf(module, target, agent)
    if (!isMethods(methods)) {
      const [code, said] = methods
      // Knocking without anything to show only fills the logs of the machine.
      const step = code === 'no-credentials' ? skipped(code, said) : failed(code, said, 0)
      return { step, hostKey: null, offered: null }
    }
    using limit = deadline(clock, timeoutMs, signal)
    const beganAt = clock.mono()
    const outcome = await logIn(new module.Client(), { target, methods, signal: limit.signal, timeoutMs })
    signal.throwIfAborted()
    const ms = Math.round(clock.mono() - beganAt)
    const { hostKey, offered } = outcome
    if (outcome.failure === null) return { step: succeeded(ms), hostKey, offered }
    const [code, said] = limit.isOver
      ? fault('timeout', 'noAnswerWithin', { seconds: timeoutMs / 1000 })
      : outcome.failure
    return { step: failed(code, said, ms), hostKey, offered }
  }
}

const isMethods = (found: AnyAuthMethod[] | Fault): found is AnyAuthMethod[] => typeof found[0] !== 'string'

interface Outcome extends Pick<SshFound, 'hostKey' | 'offered'> {
  readonly failure: Fault | null
}

function logIn(
  client: Client,
  {
    target,
    methods,
    signal,
    timeoutMs,
  }: { target: SshTarget; methods: AnyAuthMethod[]; signal: AbortSignal; timeoutMs: number },
): Promise<Outcome> {
  const { host, ssh, pinned } = target
  let shown: KeyFacts | null = null
  let hostKey: KeyFacts | null = null
  let agentFailed = false
  return new Promise((resolve) => {
    const end = (failure: Outcome['failure']): void => {
      signal.removeEventListener('abort', stop)
      const isOther = shown !== null && pinned !== null && shown.fingerprint !== pinned.fingerprint
      resolve({ failure, hostKey, offered: isOther ? shown : null })
      client.end()
      client.destroy()
    }
    const stop = (): void => end(fault('timeout', 'noAnswer'))
    client.on('handshake', () => {
      hostKey = shown
    })
    client.once('ready', () => end(null))
    client.once('close', () => end(fault('unreachable', 'closed')))
    client.on('error', (error: Error & { level?: string }) => {
      // The library goes on to the next method after this one, and ends with another error.
      if (error.level === 'agent') agentFailed = true
      else end(failureOf(error, { shown, pinned, agentFailed }))
    })
    const config: ConnectConfig = {
      ...{ host, port: ssh.port, username: ssh.user },
      // Ours ends it before; the library's own would end the process' wait otherwise.
      readyTimeout: timeoutMs * 2,
      authHandler: methods,
      hostVerifier: (key: Buffer) => {
        shown = factsOf(key)
        return pinned === null || shown.fingerprint === pinned.fingerprint
      },
      // A server with several keys is asked for the kind that was pinned: another kind would look like a change.
      ...(pinned === null
        ? {}
        : { algorithms: { serverHostKey: { prepend: kindsOf(pinned.type), append: [], remove: [] } } }),
    } as ConnectConfig
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      client.connect(config)
    } catch (error) {
      end(failureOf(error as Error, { shown, pinned, agentFailed }))
    }
  })
}

const kindsOf = (type: string): string[] => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] : [type])

function failureOf(
  error: Error & { level?: string },
  { shown, pinned, agentFailed }: { shown: KeyFacts | null; pinned: KeyFacts | null; agentFailed: boolean },
): Fault {
  if (shown !== null && pinned !== null && shown.fingerprint !== pinned.fingerprint)
    return fault('host-key-changed', 'otherHostKey', { fingerprint: shown.fingerprint })
  if (agentFailed) return fault('agent-missing', 'agentSilent')
  switch (error.level) {
    case 'client-authentication':
      return fault('auth-refused', 'credentialsRefused')
    case 'client-timeout':
      return fault('timeout', 'noAnswer')
    case 'client-socket':
    case 'client-dns':
      return fault(...reasonOf(error))
    default:
      return fault('protocol', 'notSsh')
  }
}
