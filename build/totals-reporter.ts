import { appendFileSync } from 'node:fs'
import type { Reporter, TestCase, TestModule } from 'vitest/node'

/**
 * Ends a run with `N passed, N failed` alone on a line, which a CI can read, after the reason of every skipped test. Where several runs make one
 * whole (HOLDFAST_TOTALS names a file), each appends its two numbers there instead and the script above them prints the sum.
 */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]) {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const inState = (state: string) => tests.filter((test) => test.result().state === state)
    for (const test of inState('skipped')) console.log(`skipped: ${test.fullName}: ${reasonOf(test)}`)
    const passed = inState('passed').length
    // A file that does not load has no tests to fail, and an error outside every test belongs to none.
    const failedFiles = modules.flatMap((module) => [...module.errors(), ...suiteErrors(module)]).length
    const failed = inState('failed').length + failedFiles + unhandledErrors.length
    const totals = process.env.HOLDFAST_TOTALS
    if (totals) appendFileSync(totals, `${passed} ${failed}\n`)
    else console.log(`\n${passed} passed, ${failed} failed`)
  }
}

function suiteErrors(module: TestModule) {
  return [...module.children.allSuites()].flatMap((suite) => suite.errors())
}

function reasonOf(test: TestCase): string {
  const result = test.result()
  return (result.state === 'skipped' ? result.note : undefined) ?? 'no reason given'
}
