import { describe, expect, it } from 'vitest'
import { RequestAnswers } from '../../../electron/modules/request-answers'
import { HoldfastError } from '../../../shared/model/failures'
import { monoMs, wallMs } from '../../../shared/model/time'

function answersAt(clock = { now: 0 }) {
  const answers = new RequestAnswers({
    mono: () => monoMs(clock.now),
    wall: () => wallMs(clock.now),
    at: () => ({ [Symbol.dispose]() {} }),
  })
  let runs = 0
  return { answers, clock, run: async () => ++runs }
}

describe('a request with an id', () => {
  it('runs once; a repeat within five minutes gets the first answer', async () => {
    const { answers, clock, run } = answersAt()
    expect(await answers.once('r', 'same', run)).toBe(1)
    clock.now = 299_999
    expect(await answers.once('r', 'same', run)).toBe(1)
    clock.now = 300_000
    expect(await answers.once('r', 'same', run)).toBe(2)
  })

  it('shares a failure with its repeats as well', async () => {
    const { answers, run } = answersAt()
    const fail = async () => Promise.reject(new HoldfastError('timeout', 'late'))
    await expect(answers.once('r', 'same', fail)).rejects.toMatchObject({ code: 'timeout' })
    await expect(answers.once('r', 'same', run)).rejects.toMatchObject({ code: 'timeout' })
  })

  it('is tried again after it was turned away as busy', async () => {
    const { answers, run } = answersAt()
    await expect(
      answers.once('r', 'same', () => Promise.reject(new HoldfastError('busy', 'full'))),
    ).rejects.toMatchObject({ code: 'busy' })
    expect(await answers.once('r', 'same', run)).toBe(1)
  })

  it('is tried again after it could not even begin', async () => {
    const { answers, run } = answersAt()
    const turnAway = () => {
      throw new HoldfastError('not-in-control', 'elsewhere')
    }
    await expect(answers.once('r', 'same', turnAway)).rejects.toMatchObject({ code: 'not-in-control' })
    expect(await answers.once('r', 'same', run)).toBe(1)
  })

  it('is refused when the id belonged to another request', async () => {
    const { answers, run } = answersAt()
    await answers.once('r', 'one', run)
    await expect(answers.once('r', 'two', run)).rejects.toMatchObject({ code: 'conflict' })
  })

  it('keeps at most 5,000 answers', async () => {
    const { answers, run } = answersAt()
    for (let index = 0; index <= 5_000; index++) await answers.once(`r${index}`, 'same', run)
    expect(await answers.once('r0', 'same', run)).toBe(5_002)
    expect(await answers.once('r5000', 'same', run)).toBe(5_001)
  })

  it('is refused as busy when 5,000 are under way', async () => {
    const { answers, run } = answersAt()
    const never = () => new Promise(() => {})
    for (let index = 0; index < 5_000; index++) void answers.once(`r${index}`, 'same', never)
    await expect(answers.once('one more', 'same', run)).rejects.toMatchObject({ code: 'busy' })
  })
})
