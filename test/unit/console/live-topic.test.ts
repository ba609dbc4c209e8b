import { describe, expect, it } from 'vitest'
import { LiveTopic } from '../../../electron/console/live-topic'
import { withoutSecrets } from '../../../shared/console/hidden'
import { manualClock } from '../../support/console-clock'

describe('a live topic', () => {
  it('tells the present body at once and changes together, and costs nothing while nobody listens', () => {
    const clock = manualClock()
    let built = 0
    const topic = new LiveTopic(
      clock,
      () => ++built,
      () => expect.unreachable(),
    )
    topic.changed()
    expect([built, clock.armed]).toEqual([0, 0])
    const seen: number[] = []
    const stop = topic.subscribe((body) => seen.push(body))
    for (let times = 0; times < 5; times++) topic.changed()
    clock.advance(50)
    expect(seen).toEqual([1, 2])
    stop()
    topic.changed()
    expect(clock.armed).toBe(0)
  })

  it('survives a body that cannot be built and a listener that throws', () => {
    const clock = manualClock()
    const failures: string[] = []
    let isBroken = false
    const build = () => {
      if (isBroken) throw new Error('damaged')
      return 'body'
    }
    using topic = new LiveTopic(clock, build, (error) => failures.push(String(error)))
    const seen: string[] = []
    let isDeaf = false
    topic.subscribe(() => {
      if (isDeaf) throw new Error('gone')
    })
    topic.subscribe((body) => seen.push(body))
    isDeaf = true
    topic.changed()
    clock.advance(50)
    isBroken = true
    topic.changed()
    clock.advance(50)
    expect(() => topic.subscribe(() => {})).toThrow('damaged')
    expect(failures).toEqual(['Error: gone', 'Error: damaged'])
    expect(seen).toEqual(['body', 'body'])
  })
})

describe('documents for people who may not change them', () => {
  it('hide passwords and tokens wherever they stand, and nothing else', () => {
    const document = {
      uri: 'tcp://admin:door@10.0.0.5:4352/x',
      settings: {
        password: 'word',
        auth: { apiKey: 1, token: ['a', null], secretRef: undefined },
        headers: { Authorization: 'Bearer x' },
        sealed: { secretRef: 'projector' },
        powerCode: 5,
        text: 'password',
      },
    }
    expect(
      withoutSecrets({ ...document, settings: { ...document.settings, auth: { apiKey: 1, token: ['a', null] } } }),
    ).toEqual({
      uri: 'tcp://admin:[hidden]@10.0.0.5:4352/x',
      settings: {
        password: '[hidden]',
        auth: { apiKey: '[hidden]', token: ['[hidden]', null] },
        headers: { Authorization: '[hidden]' },
        sealed: { secretRef: 'projector' },
        powerCode: 5,
        text: 'password',
      },
    })
  })
})
