import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { freePort } from './place'
import { until } from './until'

const binary = ['/usr/sbin/sshd', '/usr/bin/sshd', '/usr/local/sbin/sshd'].find((file) => existsSync(file)) ?? null

/** Why there can be no SSH server here; null: there can. */
export const sshdMissing: string | null =
  binary === null ? 'sshd is not installed: Debian and Ubuntu have it in the package openssh-server' : null
/** Only a server that runs as root can look up passwords. */
export const passwordMissing: string | null =
  sshdMissing ?? (process.getuid?.() === 0 ? null : 'only root can make a user with a password')

/** A key pair in `folder`, made by ssh-keygen; the private half as text. */
export function makeKey(folder: string, name: string, { type = 'ed25519', passphrase = '' } = {}): string {
  const file = path.join(folder, name)
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', 'test', '-f', file])
  return readFileSync(file, 'utf8')
}

/** As ssh-keygen tells it. */
export const fingerprintOf = (folder: string, name: string): string =>
  execFileSync('ssh-keygen', ['-lf', path.join(folder, `${name}.pub`)], { encoding: 'utf8' }).split(' ')[1] ?? ''

/** A real OpenSSH server with host keys, configuration and authorized key of its own. */
export class Sshd implements AsyncDisposable {
  readonly port: number
  readonly folder: string
  readonly user = userInfo().username
  /** That is let in. */
  readonly key: string
  #child: ChildProcess | null = null
  #log = ''

  private constructor(folder: string, port: number) {
    this.folder = folder
    this.port = port
    makeKey(folder, 'host')
    this.key = makeKey(folder, 'user')
    writeFileSync(path.join(folder, 'authorized_keys'), readFileSync(path.join(folder, 'user.pub')), { mode: 0o600 })
  }

  static async start(): Promise<Sshd> {
    // sshd wants its chroot folder, whatever the configuration says.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-sshd-'))
    chmodSync(folder, 0o700)
    const server = new Sshd(folder, await freePort())
    await server.on()
    return server
  }

  get fingerprint(): string {
    return fingerprintOf(this.folder, 'host')
  }

  /** Also lets in the user's other key. */
  authorize(name: string): void {
    const keys = ['user', name].map((each) => readFileSync(path.join(this.folder, `${each}.pub`), 'utf8'))
    writeFileSync(path.join(this.folder, 'authorized_keys'), keys.join(''), { mode: 0o600 })
  }

  /** The machine was set up anew: another host key. */
  async replaceHostKey(): Promise<void> {
    await this.off()
    for (const name of ['host', 'host.pub']) rmSync(path.join(this.folder, name))
    makeKey(this.folder, 'host')
    await this.on()
  }

  async on(): Promise<void> {
    const config = path.join(this.folder, 'sshd_config')
    const lines = [
      `Port ${this.port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${path.join(this.folder, 'host')}`,
      `AuthorizedKeysFile ${path.join(this.folder, 'authorized_keys')}`,
      `PidFile ${path.join(this.folder, 'pid')}`,
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
      'PasswordAuthentication yes',
      'LogLevel VERBOSE',
      'MaxStartups 200:30:300',
    ]
    writeFileSync(config, `${lines.join('\n')}\n`)
    this.#child = spawn(binary ?? 'sshd', ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#log += text))
    await until('sshd listens', () => isOpen(this.port), 20_000)
  }

  async off(): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }

  get log(): string {
    return this.#log
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.off()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (found: boolean) => (): void => {
      socket.destroy()
      resolve(found)
    }
    socket.once('connect', end(true)).once('error', end(false))
  })
}

/** A user of this machine with a password, for as long as the test lasts. */
export function passwordUser(password: string): { readonly name: string } & Disposable {
  const name = `hf${process.pid}${Math.floor(performance.now())}`.slice(0, 24)
  execFileSync('useradd', ['--no-create-home', '--shell', '/bin/sh', name])
  execFileSync('chpasswd', { input: `${name}:${password}\n` })
  return { name, [Symbol.dispose]: () => void execFileSync('userdel', [name], { stdio: 'ignore' }) }
}

/** An agent that holds a key. */
export async function sshAgent(
  folder: string,
  keyName: string,
): Promise<{ readonly socket: string } & AsyncDisposable> {
  const socket = path.join(folder, 'agent')
  const child = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
  await until('the agent listens', () => existsSync(socket), 10_000)
  execFileSync('ssh-add', ['-q', path.join(folder, keyName)], {
    env: { ...process.env, SSH_AUTH_SOCK: socket },
    stdio: 'ignore',
  })
  return {
    socket,
    async [Symbol.asyncDispose]() {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}
