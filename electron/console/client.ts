import WebSocket from 'ws'
import { ConsoleConnection, type SubscriptionHandlers } from '../../shared/console/connection'
import type {
  OperationInput,
  OperationName,
  OperationOutput,
  TopicName,
  TopicParams,
} from '../../shared/console/contract'
import {
  closeCodes,
  CONSOLE_BEAT_MS,
  CONSOLE_BYTES_MAX,
  CONSOLE_KEY_BYTES_MAX,
  CONSOLE_PATH,
  CONSOLE_SILENCE_MS,
} from '../../shared/console/protocol'
import { HoldfastError, type Failure } from '../../shared/model/failures'
import { TIMER_LATE_MS } from '../../shared/model/defaults'
import { after } from '../../shared/model/time'
import type { Clock } from '../platform/ports'
import { readControllerFiles, type ControllerFile } from './files'

const CONNECT_TIMEOUT_MS = 5_000
/** A status of 5,000 edges fits; anything beyond is not an answer of ours. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024
const LOOPBACK = '127.0.0.1'

/** No controller answers for the data directory: the command line ends with 3. */
export class NotReachable extends HoldfastError {
  constructor(dataDir: string, more: { message?: string; hint?: string; cause?: unknown } = {}) {
    const {
      message = `No controller runs on ${dataDir}.`,
      hint = `Start it: holdfast start --data ${dataDir}`,
      cause,
    } = more
    super('unreachable', message, { hint, cause })
  }
}

export interface ConsoleClient extends AsyncDisposable {
  /** Null: reached by its address alone. */
  readonly controller: ControllerFile | null
  /** Of its page, with a slash at the end. */
  readonly url: string
  /** Longest message the controller takes from this client. */
  readonly bytesMax: number
  /** Rejects with `HoldfastError`. */
  call<N extends OperationName>(
    op: N,
    params: OperationInput<N>,
    options?: { timeoutMs?: number },
  ): Promise<OperationOutput<N>>
  subscribe<N extends TopicName>(topic: N, params: TopicParams<N>, handlers: SubscriptionHandlers<N>): () => void
  /** Settles when the connection is gone. */
  readonly ended: Promise<Failure>
}

export interface ConsoleClientOptions {
  readonly dataDir: string
  /** The OS user, for the audit. */
  readonly user: string
  /** What this person sits at, for the audit alone: it gives no rights. Missing: the command line. */
  readonly face?: 'desktop'
  readonly clock: Clock
  /**
   * An account's token in place of the key of the data directory. `url`: of a console on this machine, whose files this user may be unable to read, or of another
   * one over TLS, whose certificate this process must trust.
   */
  readonly account?: { readonly token: string; readonly url?: string } | undefined
}

interface Target {
  readonly controller: ControllerFile | null
  readonly url: string
  readonly key: string
  /** 401 was the answer. */
  readonly refused: HoldfastError
}

async function targetOf({ dataDir, account }: ConsoleClientOptions): Promise<Target> {
  const refused = new HoldfastError('unauthenticated', 'The controller does not accept the token.', {
    hint: 'It may be revoked or over: holdfast token list',
  })
  if (account?.url !== undefined)
    return { controller: null, url: consoleUrlOf(account.url), key: account.token, refused }
  const { controller, key } = await filesOf(dataDir)
  const url = `http://${LOOPBACK}:${controller.consolePort}/`
  if (account !== undefined) return { controller, url, key: account.token, refused }
  return { controller, url, key, refused: wrongKey(dataDir) }
}

/** A token goes over this machine's own loopback and nowhere else in the clear. */
function consoleUrlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const isOwn = url?.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)
  if (url !== null && (isOwn || url.protocol === 'https:')) return `${url.origin}/`
  throw new HoldfastError('invalid', `"${text}" is not the address of a console on this machine, nor one with TLS.`, {
    hint: 'It looks like http://127.0.0.1:7420/ or https://holdfast.example:7421/',
  })
}

/** Talks to the controller that owns a data directory. Rejects with `NotReachable`, or `forbidden` when its files belong to another user. */
export async function openConsole(options: ConsoleClientOptions): Promise<ConsoleClient> {
  const { dataDir, user, face, clock } = options
  const { controller, url, key, refused } = await targetOf(options)
  const socket = new WebSocket(`${url.replace(/^http/, 'ws').replace(/\/$/, '')}${CONSOLE_PATH}`, {
    headers: {
      Authorization: `Bearer ${key}`,
      'X-Holdfast-User': user.replace(/[^\w.@-]/g, '_'),
      ...(face === undefined ? {} : { 'X-Holdfast-Face': face }),
    },
    maxPayload: ANSWER_BYTES_MAX,
    perMessageDeflate: false,
    handshakeTimeout: CONNECT_TIMEOUT_MS,
  })
  const connection = new ConsoleConnection({
    send: (text) => socket.readyState === socket.OPEN && socket.send(text),
    now: () => clock.mono(),
    after(ms, call) {
      const timer = clock.at(after(clock.mono(), ms), call)
      return () => timer[Symbol.dispose]()
    },
  })
  let watch: Disposable | null = null
  const armWatch = (): void => {
    watch = clock.at(after(clock.mono(), CONSOLE_BEAT_MS), (lateMs) => {
      if (lateMs < TIMER_LATE_MS && clock.mono() - connection.heardAt > CONSOLE_SILENCE_MS) socket.terminate()
      else armWatch()
    })
  }
  const greeted = new Promise<void>((resolve) => (connection.onHello = () => resolve()))
  socket.on('message', (data: Buffer) => connection.receive(data.toString('utf8')))
  const ended = new Promise<Failure>((resolve) => {
    socket.once('close', (code) => {
      watch?.[Symbol.dispose]()
      const failure: Failure = {
        code: 'link-lost',
        message: code === closeCodes.stopping ? 'The controller stopped.' : 'The connection to the controller ended.',
      }
      connection.close(failure)
      resolve(failure)
    })
  })
  const failed = new Promise<never>((_, reject) =>
    socket.on('error', (error) => reject(reasonOf(error, dataDir, url, refused))),
  )
  const timer = Promise.withResolvers<never>()
  const deadline = clock.at(after(clock.mono(), CONNECT_TIMEOUT_MS), () =>
    timer.reject(
      new NotReachable(dataDir, {
        message: controller === null ? `${url} does not answer.` : `The controller on ${dataDir} does not answer.`,
        hint: 'It may be busy or stopped: look at its log.',
      }),
    ),
  )
  try {
    await Promise.race([
      greeted,
      failed,
      timer.promise,
      ended.then((failure) => Promise.reject(new NotReachable(dataDir, { message: failure.message }))),
    ])
  } catch (error) {
    socket.terminate()
    throw error
  } finally {
    deadline[Symbol.dispose]()
  }
  failed.catch(() => {})
  armWatch()
  return {
    controller,
    url,
    bytesMax: options.account === undefined ? CONSOLE_KEY_BYTES_MAX : CONSOLE_BYTES_MAX,
    call: (op, params, options) => connection.call(op, params, options),
    subscribe: (topic, params, handlers) => connection.subscribe(topic, params, handlers),
    ended,
    async [Symbol.asyncDispose]() {
      socket.close()
      // The controller may be stopped in the middle of its answer: the goodbye gets a second.
      const late = clock.at(after(clock.mono(), 1_000), () => socket.terminate())
      await ended
      late[Symbol.dispose]()
    },
  }
}

/** A fresh one-time link into the page. `expiresAt` is epoch ms. */
export async function askConsoleLink(dataDir: string): Promise<{ url: string; expiresAt: number }> {
  const { controller, key } = await filesOf(dataDir)
  try {
    const response = await fetch(`http://${LOOPBACK}:${controller.consolePort}/link`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
    })
    if (response.status === 401) throw wrongKey(dataDir)
    if (!response.ok)
      throw new NotReachable(dataDir, { message: `Port ${controller.consolePort} is not this controller's console.` })
    return (await response.json()) as { url: string; expiresAt: number }
  } catch (error) {
    throw error instanceof HoldfastError ? error : new NotReachable(dataDir, { cause: error })
  }
}

async function filesOf(dataDir: string): Promise<{ controller: ControllerFile; key: string }> {
  let files: Awaited<ReturnType<typeof readControllerFiles>>
  try {
    files = await readControllerFiles(dataDir)
  } catch (error) {
    const hint = 'Run the command as the user the controller runs as.'
    throw new HoldfastError('forbidden', `The console key in ${dataDir} is not readable for this user.`, {
      hint,
      cause: error,
    })
  }
  if (!files) throw new NotReachable(dataDir)
  return files
}

const wrongKey = (dataDir: string): HoldfastError =>
  new HoldfastError('unauthenticated', `The controller does not accept the key in ${dataDir}.`, {
    hint: 'Another controller may have taken its port. Stop both and start again.',
  })

function reasonOf(
  error: Error & { code?: string },
  dataDir: string,
  url: string,
  refused: HoldfastError,
): HoldfastError {
  if (url.startsWith('https:')) return notReachedAfar(error, url, refused)
  const status = /Unexpected server response: (\d+)/.exec(error.message)?.[1]
  if (status === '401') return refused
  if (status === undefined) return new NotReachable(dataDir, { cause: error })
  return new NotReachable(dataDir, {
    message: `Port ${new URL(url).port} answered with ${status}: it is not this controller's console.`,
    cause: error,
  })
}

/** Why a console on another machine does not answer. */
function notReachedAfar(error: Error & { code?: string }, url: string, refused: HoldfastError): HoldfastError {
  if (error.message.endsWith(' 401')) return refused
  const isUntrusted = /CERT|SIGNATURE|ISSUER|ALTNAME/.test(error.code ?? '')
  return new NotReachable('', {
    message: `${url} does not answer: ${error.code ?? error.message}`,
    hint: isUntrusted
      ? 'Give its authority.pem to this program: NODE_EXTRA_CA_CERTS=authority.pem'
      : 'Its master must have remoteConsole on: holdfast settings set remoteConsole on',
    cause: error,
  })
}
