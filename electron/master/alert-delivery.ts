import type { ChannelDocument } from '../../shared/model/documents'
import type { AlertMessage, Mail, SendAnswer, Senders, WebhookPost } from '../notify/notify'
import { payloadOf, wordsOf, type MessageWords } from './alert-wording'

const PORTS = { tls: 465, starttls: 587, none: 25 } as const

export interface DeliveryParts {
  readonly words: MessageWords
  readonly senders: Senders
  /** Null: there is no such secret here. */
  secret(name: string): string | null
  /** Epoch ms. */
  now(): number
}

class NoSecret extends Error {}

/** One attempt. Never rejects, and no secret is in what it says. */
export async function deliver(
  message: AlertMessage,
  channel: ChannelDocument,
  parts: DeliveryParts,
  signal: AbortSignal,
): Promise<SendAnswer> {
  const used = new Set<string>()
  const secret = (name: string): string => {
    const value = parts.secret(name)
    if (value === null) throw new NoSecret(`The secret "${name}" is not known on this controller.`)
    used.add(value)
    return value
  }
  try {
    const answer =
      channel.type === 'email'
        ? await parts.senders.mail(mailOf(message, channel, parts.words, secret), signal)
        : await parts.senders.webhook(postOf(message, channel, parts, secret), signal)
    return withoutSecrets(answer, used, channel.username ?? '')
  } catch (error) {
    const code = error instanceof NoSecret ? 'no-secret' : 'bad-request'
    const text = error instanceof NoSecret ? error.message : 'The message could not be made.'
    return { kind: 'refused', code, message: text, retryAfterMs: null }
  }
}

function mailOf(
  message: AlertMessage,
  channel: ChannelDocument,
  words: MessageWords,
  secret: (name: string) => string,
): Mail {
  const { host = '', from = '', to, security, username, password, caCertificates = null } = channel
  return {
    ...{ host, from, to, security, ca: caCertificates, id: message.id, at: message.madeAt, ...wordsOf(message, words) },
    port: channel.port ?? PORTS[security],
    login: username === undefined || password === undefined ? null : { username, password: secret(password.secretRef) },
  }
}

function postOf(
  message: AlertMessage,
  channel: ChannelDocument,
  { words, now }: DeliveryParts,
  secret: (name: string) => string,
): WebhookPost {
  const { url = '', headers, signingKey, caCertificates = null } = channel
  const body = payloadOf(message, channel, words)
  const own = Object.entries(headers).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : secret(value.secretRef),
  ])
  return {
    ...{ body, ca: caCertificates, url: typeof url === 'string' ? url : secret(url.secretRef) },
    headers: Object.fromEntries(own) as Record<string, string>,
    id: message.id,
    signing: signingKey === undefined ? null : { key: secret(signingKey.secretRef), at: now() },
  }
}

/** What the other side says may repeat what it was given. */
function withoutSecrets(answer: SendAnswer, secrets: ReadonlySet<string>, username: string): SendAnswer {
  const forms = [...secrets]
    .flatMap((secret) => [secret, ...partsOf(secret)])
    .flatMap((form) => [form, base64(form), base64(`\0${username}\0${form}`), encodeURIComponent(form.toWellFormed())])
    // Nothing is found everywhere.
    .filter((form) => form !== '')
    .sort((a, b) => b.length - a.length)
  const clean = (text: string) => forms.reduce((left, form) => left.replaceAll(form, '…'), text)
  return answer.kind === 'taken'
    ? { ...answer, answer: clean(answer.answer) }
    : { ...answer, message: clean(answer.message) }
}

/** Of an address with a token: whoever answers repeats the path, or the token alone. */
function partsOf(secret: string): string[] {
  if (!/^https?:/.test(secret) || !URL.canParse(secret)) return []
  const { pathname, search, username, password } = new URL(secret)
  const parts = [...pathname.split('/'), ...search.slice(1).split(/[&=]/), username, password]
  return [pathname + search, pathname, ...parts].filter((part) => part.length >= PART_LENGTH_MIN)
}
/** What is shorter is a word like `hook`. */
const PART_LENGTH_MIN = 8

const base64 = (text: string): string => Buffer.from(text).toString('base64')
