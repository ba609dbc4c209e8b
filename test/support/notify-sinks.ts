import { createServer, type IncomingHttpHeaders } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import 'reflect-metadata'
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'
import { SMTPServer } from 'smtp-server'

export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** For this machine, known to no authority: whoever is given it trusts it. */
export async function ownCertificate(): Promise<Certificate> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...{ serialNumber: '01', name: 'CN=localhost', keys, signingAlgorithm: algorithm },
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 86_400_000),
    extensions: [
      new SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ],
  })
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return { cert: certificate.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` }
}

export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}
export interface MailSink extends AsyncDisposable {
  readonly port: number
  readonly mails: readonly ReceivedMail[]
  /** Of each attempt to log in. */
  readonly logins: readonly { readonly username: string; readonly password: string }[]
  /** What comes next is answered so; null: it is taken. */
  answer(next: (() => { code: number; message: string } | null) | null): void
}

/** A real mail server that keeps what it takes. */
export async function startMailSink(
  options: { secure?: boolean; startTls?: boolean; certificate?: Certificate; password?: string } = {},
): Promise<MailSink> {
  const { secure = false, startTls = false, certificate, password } = options
  const mails: ReceivedMail[] = []
  const logins: { username: string; password: string }[] = []
  let answer: (() => { code: number; message: string } | null) | null = null
  const refused = ({ code, message }: { code: number; message: string }) =>
    Object.assign(new Error(message), { responseCode: code })
  const server = new SMTPServer({
    ...{ secure, logger: false, authOptional: password === undefined, closeTimeout: 200 },
    disabledCommands: [...(startTls ? [] : ['STARTTLS']), ...(password === undefined ? ['AUTH'] : [])],
    ...(certificate ?? {}),
    onAuth: (login, _session, done) => {
      const [username, given] = [login.username ?? '', login.password ?? '']
      logins.push({ username, password: given })
      // A server that says more than it should.
      if (given !== password) return done(refused({ code: 535, message: `wrong password ${given} of ${username}` }))
      done(null, { user: username })
    },
    onData: (stream, session, done) => {
      const pieces: Buffer[] = []
      stream.on('data', (piece: Buffer) => pieces.push(piece))
      stream.on('end', () => {
        const not = answer?.() ?? null
        if (not !== null) return done(refused(not))
        const { mailFrom, rcptTo } = session.envelope
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          ...readMail(Buffer.concat(pieces).toString('utf8')),
        })
        done(null, `taken as ${mails.length}`)
      })
    },
  })
  // Clients that hang up on a certificate are what some tests are about.
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.server.address() as AddressInfo).port,
    ...{ mails, logins },
    answer: (next) => void (answer = next),
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function readMail(raw: string): Pick<ReceivedMail, 'headers' | 'text'> {
  const [head = '', ...rest] = raw.split('\r\n\r\n')
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  )
  const body = rest.join('\r\n\r\n')
  const how = headers['content-transfer-encoding']
  const bytes =
    how === 'base64'
      ? Buffer.from(body, 'base64')
      : how === 'quoted-printable'
        ? Buffer.from(
            body
              .replace(/=\r\n/g, '')
              .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
            'latin1',
          )
        : Buffer.from(body)
  return { headers, text: bytes.toString('utf8').replaceAll('\r\n', '\n') }
}

/** `=?UTF-8?Q?...?=` and `=?UTF-8?B?...?=` as people read it. */
export const wordsIn = (header: string): string =>
  header.replace(/\?= =\?/g, '?==?').replace(/=\?utf-8\?([qb])\?([^?]*)\?=/gi, (_, how: string, text: string) =>
    how.toLowerCase() === 'b'
      ? Buffer.from(text, 'base64').toString()
      : Buffer.from(
          text
            .replaceAll('_', ' ')
            .replace(/=([0-9A-F]{2})/gi, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16))),
          'latin1',
        ).toString(),
  )

export interface ReceivedPost {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}
export interface HttpSink extends AsyncDisposable {
  readonly url: string
  readonly posts: readonly ReceivedPost[]
  /** What comes next is answered so. */
  answer(how: (post: ReceivedPost) => { status: number; headers?: Record<string, string>; body?: string }): void
}

export async function startHttpSink(certificate?: Certificate): Promise<HttpSink> {
  const posts: ReceivedPost[] = []
  let how: Parameters<HttpSink['answer']>[0] = () => ({ status: 200 })
  const serve: Parameters<typeof createServer>[1] = (request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const post = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(pieces).toString('utf8') }
      posts.push(post)
      const { status, headers, body } = how(post)
      response.writeHead(status, headers)
      response.end(body)
    })
  }
  const server = certificate === undefined ? createServer(serve) : createTlsServer({ ...certificate }, serve)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    posts,
    answer: (next) => void (how = next),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A port behind which nobody answers until it is `up`. */
export interface Door extends AsyncDisposable {
  readonly port: number
  /** Connections that came so far. */
  readonly knocks: number
  up: boolean
}
export async function startDoor(to: number): Promise<Door> {
  const open = new Set<Socket>()
  const door = { knocks: 0, up: false }
  const server: Server = createTcpServer((socket) => {
    door.knocks++
    socket.on('error', () => {})
    if (!door.up) return void socket.destroy()
    const far = connect(to, '127.0.0.1')
    far.on('error', () => socket.destroy())
    for (const end of [socket, far]) {
      open.add(end)
      end.on('close', () => open.delete(end))
    }
    socket.pipe(far).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(door, {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}
