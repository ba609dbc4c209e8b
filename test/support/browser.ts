import { accessSync, constants, existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { chromium } from 'playwright'
import type { Browser } from 'playwright'

export interface FoundBrowser {
  executablePath: string
  /** Where it was found, for the output of the tests. */
  from: 'CHROME_PATH' | 'playwright' | 'machine'
}

/** Starts a browser without a window. Root gets no Chromium sandbox, everybody else does. */
export async function launchBrowser(): Promise<Browser> {
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0
  return chromium.launch({ executablePath: findBrowser().executablePath, chromiumSandbox: !isRoot })
}

/** Looks in this order: CHROME_PATH, Playwright's own download, a Chromium, Chrome or Edge of the machine. Throws naming the remedies. */
export function findBrowser(): FoundBrowser {
  const named = process.env.CHROME_PATH
  if (named) {
    if (!isExecutable(named)) throw new Error(`CHROME_PATH=${named} is not an executable file`)
    return { executablePath: named, from: 'CHROME_PATH' }
  }
  // Playwright answers with the path of its download whether or not it is there.
  const downloaded = chromium.executablePath()
  if (downloaded && existsSync(downloaded)) return { executablePath: downloaded, from: 'playwright' }
  const installed = installedBrowsers().find(isExecutable)
  if (installed) return { executablePath: installed, from: 'machine' }
  throw new Error(
    [
      'No browser of the Chromium family was found. Any one of these helps:',
      '  npx playwright install chromium',
      '  install Chrome or Chromium (Debian, Ubuntu: apt-get install chromium)',
      '  set CHROME_PATH to the executable of one',
    ].join('\n'),
  )
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

function installedBrowsers(): string[] {
  if (process.platform === 'darwin') return macBrowsers()
  if (process.platform === 'win32') return windowsBrowsers()
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge']
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean)
  const onPath = names.flatMap((name) => folders.map((folder) => path.join(folder, name)))
  return [...onPath, '/usr/bin/chromium', '/opt/google/chrome/chrome', '/snap/bin/chromium']
}

function macBrowsers(): string[] {
  const folders = ['/Applications', path.join(process.env.HOME ?? '/', 'Applications')]
  const names = ['Google Chrome', 'Chromium', 'Microsoft Edge']
  return names.flatMap((name) => folders.map((folder) => `${folder}/${name}.app/Contents/MacOS/${name}`))
}

function windowsBrowsers(): string[] {
  const folders = ['LOCALAPPDATA', 'PROGRAMFILES', 'PROGRAMFILES(X86)'].flatMap((name) => process.env[name] ?? [])
  const files = [
    'Google\\Chrome\\Application\\chrome.exe',
    'Chromium\\Application\\chrome.exe',
    'Microsoft\\Edge\\Application\\msedge.exe',
  ]
  return folders.flatMap((folder) => files.map((file) => path.join(folder, file)))
}
