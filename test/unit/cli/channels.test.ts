import { describe, expect, test } from 'vitest'
import { channelSample } from '../../support/alert-samples'
import { useCli } from '../../support/cli-console'
import { AT } from '../../support/console-samples'

const { run, asked, double } = useCli()

describe('channel', () => {
  test('list tells how each is, what waits, and why the last attempt failed', async () => {
    const view = channelSample({
      ...{ state: 'refused', waiting: 3, givenUp: 1, retryAt: Date.now() + 120_000 },
      underWay: { messageId: 'm1', madeAt: AT, alerts: 480, attempts: 2 },
      lastError: { at: Date.now() - 60_000, code: 'login', message: '535 no' },
      deadLetters: [{ messageId: 'm0', madeAt: AT, at: AT, alerts: 7, code: 'smtp-550', message: 'no such user' }],
    })
    double().answer({ 'channels.list': () => [view] })
    const { out } = await run(['channel', 'list'])
    expect(out).toMatch(/^Ops +refused, tried again in (1 min 59 s|2 min|1\d\d s|119 s|1 min)/m)
    expect(out).toMatch(/by +e-mail to ops@example\.com through mail\.example\.com \(starttls\)/)
    expect(out).toMatch(/tells +warning and worse, again every 4 h, at most 12 an hour/)
    expect(out).toMatch(/under way +480 alerts since .*, 2 attempts failed/)
    expect(out).toMatch(/last error +\[login\] 535 no \(.* ago\)/)
    expect(out).toContain('7 alerts [smtp-550] no such user')
    expect((await run(['channel', 'list', '--json'])).json()).toMatchObject([{ id: 'ops', channel: { name: 'Ops' } }])
    double().answer({ 'channels.list': () => [] })
    expect((await run(['channel', 'list'])).out).toBe('Nobody is told of alerts but by the desktop.\n')
  })

  test('set names secrets instead of holding them, splits lists, and leaves other headers as they are', async () => {
    const known = channelSample({}, { headers: { 'X-Site': 'head', 'X-Old': 'a' } })
    double().answer({ 'channels.list': () => [known] })
    const mail = ['type=email', 'to=a@example.com,b@example.com', 'password=@smtp', 'quiet=22:00-07:00 Europe/Berlin']
    await run(['channel', 'set', 'ops', ...mail, '--create'])
    await run(['channel', 'set', 'ops', 'url=@hook', 'header.X-Token=@token', 'header.X-Old=null', 'quiet=null'])
    expect(asked().filter(([op]) => op === 'channels.save')).toEqual([
      [
        'channels.save',
        {
          ...{ channel: 'ops', create: true },
          values: {
            ...{ type: 'email', to: ['a@example.com', 'b@example.com'], password: { secretRef: 'smtp' } },
            quiet: { from: '22:00', to: '07:00', timeZone: 'Europe/Berlin' },
          },
        },
      ],
      [
        'channels.save',
        {
          ...{ channel: 'ops', create: false },
          values: {
            url: { secretRef: 'hook' },
            headers: { 'X-Site': 'head', 'X-Token': { secretRef: 'token' } },
            quiet: null,
          },
        },
      ],
    ])
  })

  test('test tells what the other side said, and fails when it was not delivered', async () => {
    expect(await run(['channel', 'test', 'ops'])).toMatchObject({
      ...{ code: 0, out: expect.stringMatching(/^Delivered in .*: 250 2\.0\.0 taken\n$/) as unknown },
    })
    const not = { delivered: false, code: 'certificate', answer: 'self-signed certificate', durationMs: 3 }
    double().answer({ 'channels.test': () => not })
    const failed = await run(['channel', 'test', 'ops'])
    expect([failed.code, failed.out]).toEqual([1, 'Not delivered [certificate]: self-signed certificate\n'])
    expect((await run(['channel', 'test', 'ops', '--json'])).json()).toEqual(not)
  })

  test('remove takes it away; without values there is nothing to set', async () => {
    expect((await run(['channel', 'remove', 'ops'])).out).toBe('Removed.\n')
    expect(await run(['channel', 'set', 'ops'])).toMatchObject({ code: 2, out: '' })
  })
})
