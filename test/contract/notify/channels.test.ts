import { createHmac } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openAlerts } from '../../../electron/alerts/sqlite'
import type { AlertStore } from '../../../electron/alerts/alerts'
import { secretOperations } from '../../../electron/compose/secrets'
import { REFUSED_ATTEMPTS_MAX } from '../../../electron/core/notify/pace'
import type { Journal } from '../../../electron/journal/journal'
import { AlertChannels, channelOperations } from '../../../electron/master/alert-channels'
import { Alerts, type WatchedMaster } from '../../../electron/master/alerts'
import type { NotifyStore } from '../../../electron/notify/notify'
import { openNotify } from '../../../electron/notify/sqlite'
import { sendMail } from '../../../electron/notify/smtp'
import { postWebhook } from '../../../electron/notify/webhook'
import type { Logger, NamedSecrets } from '../../../electron/platform/ports'
import { systemRandom } from '../../../electron/platform/random'
import { alertOf, logOf, metricOf } from '../../../electron/telemetry/body'
import type { ChannelView } from '../../../shared/console/channel-operations'
import { HoldfastError } from '../../../shared/model/failures'
import { wallMs } from '../../../shared/model/time'
import { collectingLogger, journalIn } from '../../support/journal'
import {
  ownCertificate,
  startDoor,
  startHttpSink,
  startMailSink,
  wordsIn,
  type HttpSink,
  type MailSink,
} from '../../support/notify-sinks'
import { temporaryFolder } from '../../support/outbox'
import { SettlingClock } from '../../support/settling-clock'
import { noWatchedNodes } from '../../support/watched-nodes'
import { until } from '../../support/until'

const WALL = Date.UTC(2026, 2, 10, 12)
const MINUTE = 60_000
const root = { actor: 'cli:root', role: 'admin' } as const
const PASSWORD = 'open sesame, 12 times'
const KEY = 'a-key-that-signs'
const TOKEN = 'T0K3N-in-the-path'
const secrets = new Map([
  ['smtp', PASSWORD],
  ['key', KEY],
])

let folder: ReturnType<typeof temporaryFolder>
let clock: SettlingClock
let journal: Journal
let store: AlertStore
let alerts: Alerts
let channels: AlertChannels
const lines: string[] = []
const isLinked = new Map<string, boolean>()
const master: WatchedMaster = {
  booted: true,
  onDecision: () => () => {},
  linkOf: (edgeId) => ({ isLinked: isLinked.get(edgeId) ?? true, since: clock.mono(), isExpected: true }),
}
/** With every field of every line. */
const logger: Logger = {
  log: (level, message, fields) => void lines.push(JSON.stringify([level, message, fields])),
  child: () => logger,
}

function begin(wrap: (store: NotifyStore) => NotifyStore = (store) => store): void {
  channels = new AlertChannels({
    ...{ journal, alerts, clock, logger, random: { id: () => systemRandom().id(), fraction: () => 1 } },
    openStore: () => wrap(openNotify(path.join(folder.path, 'channels.db'))),
    ...{ controller: 'Head office', timeZone: 'UTC', secret: (name) => secrets.get(name) ?? null },
    kept: (id) => {
      const kept = store.alert(id)
      return kept === null ? null : alerts.presented(kept)
    },
    senders: { mail: sendMail, webhook: (post, signal) => postWebhook(post, signal, () => clock.wall()) },
  })
  channels.start()
}
const operations = () => channelOperations(channels, journal)
const save = async (values: Record<string, unknown>, channel = 'ops'): Promise<ChannelView> =>
  (await operations()['channels.save']({ channel, values: values as never, create: true }, root)).view
const view = async (): Promise<ChannelView> => (await operations()['channels.list']({}, root))[0]!

beforeEach(() => {
  folder = temporaryFolder()
  clock = new SettlingClock(wallMs(WALL))
  journal = journalIn(folder.path)
  store = openAlerts(path.join(folder.path, 'alerts.db'))
  lines.length = 0
  isLinked.clear()
  secrets.delete('hook')
  const edges = ['berlin', 'oslo', 'paris', 'rome'].map((id) => ({ id, name: id[0]!.toUpperCase() + id.slice(1) }))
  journal.change(
    edges.map((body) => ({ op: 'put', kind: 'edge', body })),
    { actor: 'test' },
  )
  alerts = new Alerts({
    ...{ store, journal, clock, random: systemRandom(), logger: collectingLogger() },
    bodies: { metricOf, logOf, alertOf },
  })
  alerts.start(master, noWatchedNodes)
  begin()
})
afterEach(async () => {
  await channels.end()
  alerts.end()
  await store[Symbol.asyncDispose]()
  await journal[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

/** Fires, or is over, after a little while of the clock. */
async function lose(...edges: readonly string[]): Promise<void> {
  for (const edge of edges) isLinked.set(edge, false)
  await clock.pass(22_000)
}
async function find(...edges: readonly string[]): Promise<void> {
  for (const edge of edges) isLinked.set(edge, true)
  await clock.pass(32_000)
}
/** Time passes until it has happened: looks of the clock, answers of real servers. */
const passUntil = (what: string, isSo: () => boolean, stepMs = 1_000): Promise<boolean> =>
  until(what, async () => {
    await clock.pass(stepMs)
    return isSo()
  })
const idle = () => until('nothing is under way', async () => (await view()).underWay === null)

const mailTo = (sink: MailSink, more: Record<string, unknown> = {}) => ({
  ...{ type: 'email', host: '127.0.0.1', port: sink.port, security: 'none' },
  ...{ from: 'holdfast@example.com', to: ['ops@example.com', 'night@example.com'] },
  ...more,
})

describe('e-mail', () => {
  test('tells of many lost links in one mail, over TLS and with a login, and of their end in another', async () => {
    const certificate = await ownCertificate()
    await using sink = await startMailSink({ secure: true, certificate, password: PASSWORD })
    const login = { username: 'holdfast', password: { secretRef: 'smtp' }, security: 'tls' }
    await save(mailTo(sink, { ...login, caCertificates: certificate.cert }))
    await lose('oslo', 'paris', 'rome')
    await passUntil('a mail', () => sink.mails.length === 1)
    await idle()
    const [mail] = sink.mails
    expect(sink.logins).toEqual([{ username: 'holdfast', password: PASSWORD }])
    expect(mail).toMatchObject({ from: 'holdfast@example.com', to: ['ops@example.com', 'night@example.com'] })
    expect(mail!.headers['subject']).toMatch(/^\[Holdfast\] critical: Edge unreachable: .*Oslo/)
    expect(mail!.headers['auto-submitted']).toBe('auto-generated')
    expect(mail!.headers['message-id']).toBe(`<${mail!.headers['x-holdfast-delivery']}@example.com>`)
    expect(mail!.text).toMatch(/^New \(3\)\n {2}critical {2}Edge unreachable: 3 alerts at 3 sites, since /)
    expect(mail!.text).toMatch(/Paris: The edge cannot be reached\. \(since Mar 10, 2026/)
    expect(mail!.text).toContain('Sent by Head office.')
    await find('oslo', 'paris', 'rome')
    await passUntil('another mail', () => sink.mails.length === 2)
    expect(sink.mails[1]!.text).toMatch(/^Over \(3\)/)
    expect(sink.mails[1]!.headers['subject']).toMatch(/^\[Holdfast\] critical: Over: Edge unreachable/)
    await idle()
    await clock.pass(6 * MINUTE)
    expect(sink.mails).toHaveLength(2)
    expect(await view()).toMatchObject({ state: 'ready', sent: 2, givenUp: 0, lastError: null, waiting: 0 })
  })

  test('of five hundred links that are lost at once is one mail that can be read', async () => {
    await using sink = await startMailSink()
    await save(mailTo(sink))
    const many = Array.from({ length: 500 }, (_, n) => ({ id: `shop-${n}`, name: `Shop ${n}` }))
    journal.change(
      many.map((body) => ({ op: 'put', kind: 'edge', body })),
      { actor: 'test' },
    )
    await lose(...many.map(({ id }) => id))
    await passUntil('a mail', () => sink.mails.length === 1)
    await idle()
    const { headers, text } = sink.mails[0]!
    expect(headers['subject']).toMatch(/Edge unreachable: Shop \d+, Shop \d+, Shop \d+ and 497 more$/)
    expect(text).toMatch(/500 alerts at 500 sites/)
    expect(text).toContain('… and 480 more.')
    expect(text.length).toBeLessThan(5_000)
    await find(...many.map(({ id }) => id))
    await passUntil('their end', () => sink.mails.length === 2)
    await idle()
    await clock.pass(2 * MINUTE)
    expect(sink.mails).toHaveLength(2)
  })

  test('is in the language of the channel', async () => {
    await using sink = await startMailSink()
    await save(mailTo(sink, { language: 'de' }))
    await lose('oslo')
    await passUntil('a mail', () => sink.mails.length === 1)
    expect(wordsIn(sink.mails[0]!.headers['subject']!)).toMatch(/^\[Holdfast\] kritisch: Edge unreachable: Oslo$/)
    expect(sink.mails[0]!.text).toMatch(/^Neu \(1\)/)
    expect(sink.mails[0]!.text).toContain('Oslo: Der Standort ist nicht erreichbar. (seit 10.03.2026')
  })

  test('goes to no server whose certificate is of nobody it trusts; once it is trusted, it goes at once and once', async () => {
    const certificate = await ownCertificate()
    await using sink = await startMailSink({ secure: true, certificate })
    await save(mailTo(sink, { security: 'tls' }))
    await lose('oslo')
    await passUntil('a refusal', () => channels.views()[0]!.state === 'refused')
    expect(await view()).toMatchObject({ lastError: { code: 'certificate' }, underWay: { attempts: 1 } })
    expect(sink.mails).toEqual([])
    await save({ caCertificates: certificate.cert })
    await until('a mail', () => sink.mails.length === 1)
    await idle()
    await clock.pass(6 * MINUTE)
    expect(sink.mails).toHaveLength(1)
    expect(await view()).toMatchObject({ state: 'ready', lastError: null })
  })

  test('goes to no server that offers no encryption although it must', async () => {
    await using sink = await startMailSink()
    await save(mailTo(sink, { security: 'starttls' }))
    expect(await operations()['channels.test']({ channel: 'ops' }, root)).toMatchObject({
      delivered: false,
      code: 'tls',
    })
    const certificate = await ownCertificate()
    await using better = await startMailSink({ startTls: true, certificate })
    await save({ port: better.port, caCertificates: certificate.cert })
    const tested = await operations()['channels.test']({ channel: 'ops' }, root)
    expect(tested).toMatchObject({ delivered: true, code: 'ok', answer: '250 taken as 1' })
    expect(better.mails[0]!.headers['subject']).toBe('[Holdfast] Test message')
    expect(await view()).toMatchObject({ sent: 0, lastError: null })
  })

  test('is no way to flood a mailbox with tests', async () => {
    await using sink = await startMailSink()
    await save(mailTo(sink))
    const ask = async () => await operations()['channels.test']({ channel: 'ops' }, root)
    for (let n = 0; n < 5; n++) expect(await ask()).toMatchObject({ delivered: true })
    await expect(ask()).rejects.toMatchObject({ code: 'rate-limited', retryAfterMs: expect.any(Number) as number })
    expect(sink.mails).toHaveLength(5)
    await clock.pass(MINUTE)
    expect(await ask()).toMatchObject({ delivered: true })
  })

  test('waits for a server that is down, tells what came meanwhile together, and each once', async () => {
    await using sink = await startMailSink()
    await using door = await startDoor(sink.port)
    await save({ ...mailTo(sink), port: door.port })
    await lose('oslo')
    await passUntil('three attempts', () => door.knocks >= 3)
    expect(await view()).toMatchObject({ lastError: { code: 'unreachable' }, underWay: { alerts: 1 } })
    await lose('paris', 'rome')
    door.up = true
    await passUntil('both mails', () => sink.mails.length === 2)
    await idle()
    expect(sink.mails.map(({ text }) => text.match(/Oslo|Paris|Rome/g)?.toSorted())).toEqual([
      ['Oslo'],
      ['Paris', 'Rome'],
    ])
    await clock.pass(6 * MINUTE)
    expect(sink.mails).toHaveLength(2)
  })
})

const post = (sink: HttpSink, more: Record<string, unknown> = {}) => ({
  type: 'webhook',
  url: `${sink.url}/hook`,
  ...more,
})
const keyOf = ({ headers }: { headers: Record<string, unknown> }) => headers['idempotency-key']

describe('a webhook', () => {
  test('is signed, and tells in JSON and in words', async () => {
    const certificate = await ownCertificate()
    await using sink = await startHttpSink(certificate)
    const own = { signingKey: { secretRef: 'key' }, headers: { 'X-Team': 'night' }, caCertificates: certificate.cert }
    await save(post(sink, own))
    await lose('oslo', 'rome')
    await passUntil('a post', () => sink.posts.length === 1)
    const { headers, body, path: target } = sink.posts[0]!
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-holdfast-signature'])) ?? []
    expect(createHmac('sha256', KEY).update(`${t}.${body}`).digest('hex')).toBe(v1)
    expect(createHmac('sha256', KEY).update(`${t}.${body} `).digest('hex')).not.toBe(v1)
    expect(Math.abs(Number(t) * 1_000 - clock.wall())).toBeLessThan(60_000)
    expect([target, headers['x-team'], headers['content-type']]).toEqual([
      ...['/hook', 'night', 'application/json; charset=utf-8'],
    ])
    const told = JSON.parse(body) as Record<string, unknown>
    expect(told).toMatchObject({
      ...{ version: 1, type: 'alerts', severity: 'critical', count: 2, channel: { id: 'ops', name: 'ops' } },
      ...{ id: headers['x-holdfast-delivery'], controller: { name: 'Head office' } },
      sections: [
        { kind: 'fired', groups: [{ ruleId: 'edge-unreachable', edges: 2, alerts: [{ edgeId: 'oslo' }, {}] }] },
      ],
    })
    expect(told['text']).toContain('Rome: The edge cannot be reached.')
  })

  test('is tried again under the same key when it is asked to wait, as long as it is asked to', async () => {
    await using sink = await startHttpSink()
    sink.answer(() => ({ status: 503, headers: { 'Retry-After': '90' }, body: 'later' }))
    await save(post(sink))
    await lose('oslo')
    await passUntil('a post', () => channels.views()[0]!.state === 'waiting')
    expect(await view()).toMatchObject({ lastError: { code: 'http-503', message: 'later' } })
    sink.answer(() => ({ status: 204 }))
    await clock.pass(85_000)
    expect(sink.posts).toHaveLength(1)
    await passUntil('the other', () => sink.posts.length === 2)
    await idle()
    expect(new Set(sink.posts.map(keyOf)).size).toBe(1)
    expect(new Set(sink.posts.map(({ body }) => body)).size).toBe(1)
    await clock.pass(6 * MINUTE)
    expect(sink.posts).toHaveLength(2)
  })

  test('that refuses is a dead letter after a while; what still fires is told by the next message, when it takes one', async () => {
    await using sink = await startHttpSink()
    sink.answer(() => ({ status: 404, body: 'no such hook' }))
    await save(post(sink))
    await lose('oslo')
    await passUntil('a message that was given up', () => channels.views()[0]!.givenUp === 1, MINUTE)
    const dead = await view()
    expect(dead.deadLetters).toMatchObject([{ alerts: 1, code: 'http-404', message: 'no such hook' }])
    expect(sink.posts.filter((one) => keyOf(one) === dead.deadLetters[0]!.messageId)).toHaveLength(REFUSED_ATTEMPTS_MAX)
    sink.answer(() => ({ status: 200 }))
    await passUntil('a message that was taken', () => channels.views()[0]!.sent === 1, MINUTE)
    expect(JSON.parse(sink.posts.at(-1)!.body)).toMatchObject({ sections: [{ kind: 'fired', count: 1 }] })
  })

  test('is not told what is silenced, and is when the silence is over', async () => {
    await using sink = await startHttpSink()
    await save(post(sink))
    const matcher = { ruleId: 'edge-unreachable', edgeId: null, series: null, edgeIds: null }
    alerts.silence(matcher, 20 * MINUTE, 'cli:anna', 'works')
    await lose('oslo')
    await clock.pass(15 * MINUTE)
    expect([sink.posts.length, (await view()).waiting]).toEqual([0, 0])
    await clock.pass(6 * MINUTE)
    await passUntil('a post', () => sink.posts.length === 1)
    expect(sink.posts[0]!.body).toContain('Oslo')
  })

  test('is asked no more often than its rate allows, however often alerts come and go, and misses none that stays', async () => {
    await using sink = await startHttpSink()
    await save(post(sink, { perHourMax: 4, groupForMs: 0 }))
    for (let n = 0; n < 30; n++) {
      await lose('oslo', 'rome')
      await until('nothing is under way', async () => (await view()).underWay === null)
      await find('oslo', 'rome')
      await until('nothing is under way', async () => (await view()).underWay === null)
    }
    await lose('paris')
    expect((await view()).heldBy).toBe('rate')
    // 30 times 54 s: 27 minutes, of which a quarter of an hour gives one message.
    expect(sink.posts.length).toBeLessThanOrEqual(5 + 2)
    await passUntil('the last', () => sink.posts.at(-1)!.body.includes('Paris'), MINUTE)
  })
})

describe('a controller that ends', () => {
  /** As after a kill: what the store does from then on is not done. */
  const killedAt =
    (step: 'sent' | 'queue', kill: () => void) =>
    (real: NotifyStore): NotifyStore => ({
      ...real,
      [step]: (...given: Parameters<NotifyStore['queue']>) => {
        if (step === 'queue') real.queue(...given)
        kill()
        throw new HoldfastError('storage', 'killed')
      },
    })

  test('between the answer and writing it down sends the same message under the same key again, and then no more', async () => {
    await using sink = await startHttpSink()
    await channels.end()
    let killed = 0
    begin(killedAt('sent', () => killed++))
    await save(post(sink))
    await lose('oslo')
    await passUntil('an answer that is not written', () => killed > 0)
    // A process that only cannot write does not send again.
    await clock.pass(MINUTE)
    expect([sink.posts.length, killed > 1]).toEqual([1, true])
    await channels.end()
    begin()
    await passUntil('the repeat', () => sink.posts.length === 2)
    await idle()
    expect(new Set(sink.posts.map(keyOf)).size).toBe(1)
    expect(sink.posts[1]!.body).toBe(sink.posts[0]!.body)
    await channels.end()
    begin()
    await clock.pass(6 * MINUTE)
    expect(sink.posts).toHaveLength(2)
  })

  test('between writing a message and sending it sends it afterwards, once', async () => {
    await using sink = await startHttpSink()
    await channels.end()
    let killed = 0
    begin(killedAt('queue', () => killed++))
    await save(post(sink))
    await lose('oslo')
    await passUntil('a message that is written', () => killed === 1)
    await channels.end()
    expect(sink.posts).toHaveLength(0)
    begin()
    await passUntil('the message', () => sink.posts.length === 1)
    await idle()
    await clock.pass(6 * MINUTE)
    expect(sink.posts).toHaveLength(1)
  })

  test('tells afterwards what came and went while it was away', async () => {
    await using sink = await startHttpSink()
    await save(post(sink))
    await lose('oslo')
    await passUntil('a post', () => sink.posts.length === 1)
    await idle()
    await channels.end()
    await find('oslo')
    await lose('rome')
    begin()
    await passUntil('what happened', () => sink.posts.length === 2)
    const { sections } = JSON.parse(sink.posts[1]!.body) as { sections: { kind: string; groups: unknown[] }[] }
    expect(sections.map(({ kind }) => kind)).toEqual(['fired', 'resolved'])
  })

  test('without a channel makes no file, and forgets what a removed one has told', async () => {
    expect(readdirSync(folder.path)).not.toContain('channels.db')
    await using sink = await startHttpSink()
    await save(post(sink))
    await lose('oslo')
    await passUntil('a post', () => sink.posts.length === 1)
    await idle()
    await operations()['channels.remove']({ channel: 'ops' }, root)
    await clock.pass(1_000)
    expect(await operations()['channels.list']({}, root)).toEqual([])
    await save(post(sink))
    await passUntil('a post', () => sink.posts.length === 2)
  })
})

describe('secrets', () => {
  test('of a channel are in no log, no file and no answer, even where the other side repeats them', async () => {
    secrets.set('smtp', `${PASSWORD} (an old one)`)
    await using sink = await startHttpSink()
    secrets.set('hook', `${sink.url}/${TOKEN}`)
    sink.answer(({ path: target, headers }) => ({
      status: 400,
      body: `${target} ${String(headers['x-token'])} is not known`,
    }))
    const certificate = await ownCertificate()
    await using tls = await startMailSink({ secure: true, certificate, password: 'another' })
    const login = { username: 'holdfast', password: { secretRef: 'smtp' }, caCertificates: certificate.cert }
    await save({ ...mailTo(tls), ...login, security: 'tls' }, 'mail')
    const hook = { url: { secretRef: 'hook' }, headers: { 'X-Token': { secretRef: 'key' } } }
    await save({ ...post(sink), ...hook, signingKey: { secretRef: 'key' } }, 'hook')
    await lose('oslo')
    await passUntil('both refusals', () => channels.views().every(({ state }) => state === 'refused'))
    const views = channels.views()
    expect(views.map(({ lastError }) => lastError!.code).toSorted()).toEqual(['http-400', 'login'])
    expect(views.map(({ lastError }) => lastError!.message).join()).toContain('is not known')
    const tests = await Promise.all(
      ['mail', 'hook'].map(async (channel) => await operations()['channels.test']({ channel }, root)),
    )
    expect(tests.map(({ delivered }) => delivered)).toEqual([false, false])
    expect(tls.logins.length).toBeGreaterThan(0)
    await channels.end()
    const files = readdirSync(folder.path).map((file) => readFileSync(path.join(folder.path, file), 'latin1'))
    const all = [...files, ...lines, JSON.stringify([views, tests])].join('\n')
    const secretTexts = [PASSWORD, KEY, TOKEN, `\0holdfast\0${secrets.get('smtp')}`]
    for (const text of secretTexts) {
      // Not by `toContain`, which would print all of it.
      const found = [text, Buffer.from(text).toString('base64').slice(0, 12)].filter((form) => all.includes(form))
      expect(found).toEqual([])
    }
    // That they could be found: what is no secret is.
    expect(all.includes('X-Token')).toBe(true)
    secrets.set('smtp', PASSWORD)
  })

  test('that are not there are named, and asked for again when somebody says so', async () => {
    await using sink = await startHttpSink()
    await save({ ...post(sink), url: { secretRef: 'hook' } })
    expect(await operations()['channels.test']({ channel: 'ops' }, root)).toMatchObject({
      ...{ delivered: false, code: 'no-secret', answer: expect.stringContaining('"hook"') as unknown },
    })
    const none = { list: () => [] } as unknown as NamedSecrets
    expect(await secretOperations(none, journal)['secrets.list']({}, root)).toMatchObject([
      { name: 'hook', state: 'missing', usedBy: [{ id: 'ops', name: 'ops' }] },
    ])
    await lose('oslo')
    await passUntil('a refusal', () => channels.views()[0]!.state === 'refused')
    secrets.set('hook', sink.url)
    channels.retry()
    await until('a post', () => sink.posts.length === 1)
  })
})

test('a channel that could not be kept is not stored at all', async () => {
  await channels.end()
  begin((opened) => {
    void opened[Symbol.asyncDispose]()
    throw new HoldfastError('storage', 'The file is damaged.')
  })
  await expect(save({ type: 'webhook', url: 'https://hook.example' })).rejects.toMatchObject({ code: 'storage' })
  expect(journal.list('channel')).toEqual([])
})

test('a file that cannot be opened is told once, tried again each minute, and then all is told', async () => {
  await using sink = await startHttpSink()
  await save({ type: 'webhook', url: sink.url })
  await channels.end()
  let isBroken = true
  begin((opened) => {
    if (!isBroken) return opened
    void opened[Symbol.asyncDispose]()
    throw new HoldfastError('storage', 'The file is damaged.')
  })
  await expect(save({ enabled: false })).rejects.toMatchObject({ code: 'storage' })
  for (let second = 0; second < 100; second++) await clock.pass(1_000)
  expect(lines.filter((line) => line.includes('could not be opened'))).toHaveLength(1)
  isBroken = false
  await clock.pass(61_000)
  expect((await view()).state).toBe('ready')
})
