import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { MachineDriver, within, type MachineHost } from '../../../electron/core/driver/machine-driver'
import { after, monoMs } from '../../../shared/model/time'
import { manualClock } from '../../support/console-clock'

/** A machine whose state is what it was told; `persist` comes first where the input says so. */
function machine(more: Partial<MachineHost<string, string, string>> = {}) {
  const clock = manualClock()
  const done: string[] = []
  const host: MachineHost<string, string, string> = {
    step: (state, input) => ({
      state: `${state}${input}`,
      outputs: input.startsWith('!') ? ['persist', `say ${input}`] : [`say ${input}`, `then ${input}`],
      wakeAt: input === 'arm' ? after(clock.mono(), 100) : null,
    }),
    perform: (output) => void done.push(output),
    isPersist: (output) => output === 'persist',
    wake: 'wake',
    timeGap: 'gap',
    storageFailed: (input) => `failed(${input})`,
    failed: (output, error) => void done.push(`${output}: ${String(error)}`),
    broken: (input, error) => void done.push(`${input} broke: ${String(error)}`),
    changed: () => {},
    ...more,
  }
  return { clock, done, driver: new MachineDriver('', clock, host) }
}

describe('the driver of a machine', () => {
  it('waits for an output that takes time before the next output and the next input', async () => {
    const gate = Promise.withResolvers<void>()
    const { done, driver } = machine({
      perform: (output) => {
        done.push(output)
        return output === 'say a' ? gate.promise : undefined
      },
    })
    driver.input('a')
    driver.input('b')
    expect(done).toEqual(['say a'])
    gate.resolve()
    await turn()
    expect(done).toEqual(['say a', 'then a', 'say b', 'then b'])
  })

  it('forgets a step whose persist failed and tells the machine instead', () => {
    const { done, driver } = machine({
      perform: (output) => {
        if (output === 'persist') throw new Error('full')
        done.push(output)
      },
    })
    driver.input('!a')
    expect(driver.state).toBe('failed(!a)')
    expect(done).toEqual(['say failed(!a)', 'then failed(!a)'])
  })

  it('goes on after a step, an output or a listener that throws', () => {
    const { clock, done, driver } = machine({
      step: (state, input) => {
        if (input === 'bad') throw new Error('oops')
        return { state: state + input, outputs: [input], wakeAt: null }
      },
      changed: (state) => {
        if (state.endsWith('c')) throw new Error('deaf')
      },
    })
    driver.input('a')
    driver.input('bad')
    driver.input('c')
    driver.input('d')
    expect(done).toEqual(['a', 'bad broke: Error: oops', 'c', 'c broke: Error: deaf', 'd'])
    expect(driver.state).toBe('acd')
    expect(clock.armed).toBe(0)
  })

  it('looks again within a second when the wake itself broke', () => {
    let breaks = true
    const { clock, done, driver } = machine({
      step: (state, input) => {
        if (input === 'wake' && breaks) throw new Error('oops')
        return { state: state + input, outputs: [], wakeAt: input === 'arm' ? after(clock.mono(), 100) : null }
      },
    })
    driver.input('arm')
    clock.advance(100)
    expect(done).toEqual(['wake broke: Error: oops'])
    breaks = false
    clock.advance(1_000)
    expect(driver.state).toBe('armwake')
  })

  it('says that nobody was watching before a wake that came over a second late', () => {
    const timers: ((lateMs: number) => void)[] = []
    const inputs: string[] = []
    const host = {
      ...{ perform: () => {}, isPersist: () => false, wake: 'wake', timeGap: 'gap', storageFailed: () => '' },
      ...{ failed: () => {}, broken: () => {}, changed: () => {} },
      step: (state: string, input: string) => {
        inputs.push(input)
        return { state, outputs: [], wakeAt: monoMs(5) }
      },
    }
    const clock = {
      mono: () => monoMs(0),
      at: (_: number, call: (lateMs: number) => void) => (timers.push(call), { [Symbol.dispose]() {} }),
    }
    const driver = new MachineDriver('', clock, host)
    driver.input('start')
    timers.pop()?.(1_000)
    timers.pop()?.(1_001)
    expect(inputs).toEqual(['start', 'wake', 'gap', 'wake'])
  })

  it('takes nothing after its end and waits for what it is doing', async () => {
    const gate = Promise.withResolvers<void>()
    const { clock, done, driver } = machine({
      perform: (output) => {
        done.push(output)
        return output === 'say arm' ? gate.promise : undefined
      },
    })
    driver.input('arm')
    driver.input('b')
    let ended = false
    const end = driver.end().then(() => (ended = true))
    driver.input('c')
    await turn()
    expect([ended, clock.armed]).toEqual([false, 0])
    gate.resolve()
    await end
    expect(done).toEqual(['say arm', 'then arm'])
  })
})

describe('a bounded wait', () => {
  it('ends with its time, or with the promise, and leaves no timer', async () => {
    const clock = manualClock()
    const late = within(clock, 100, new Promise(() => {}))
    clock.advance(100)
    expect(await late).toBe(false)
    expect(await within(clock, 100, Promise.resolve())).toBe(true)
    await expect(within(clock, 100, Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(clock.armed).toBe(0)
  })
})
