import ts from 'typescript'
import { parser as scriptParser } from 'typescript-eslint'
import { parseForESLint as parseComponent } from 'vue-eslint-parser'

// Its own types leave out the options, which it takes.
const parseScript = /** @type {(code: string, options: object) => any} */ (scriptParser.parseForESLint)

/** The script of a component in the form in which its linter hands it to TypeScript. */
function scriptOf(file, text) {
  let script = ''
  const parser = {
    parseForESLint(code, { projectService, ...options }) {
      // Expressions of the template come by themselves, and without types.
      if (projectService) script = code
      return parseScript(code, options)
    },
  }
  parseComponent(text, { parser, filePath: file, projectService: true, ecmaVersion: 'latest', sourceType: 'module' })
  return script
}

/**
 * Lets TypeScript read components from the disk as their linter shows them to it. Else each of them changes when its turn comes, and everything is checked anew:
 * linting the components took five times as long.
 */
export function readComponentsAsScripts() {
  const { readFile } = ts.sys
  ts.sys.readFile = (file, encoding) => {
    const text = readFile(file, encoding)
    if (text === undefined || !file.endsWith('.vue')) return text
    try {
      return scriptOf(file, text)
    } catch {
      // The linter itself says what is wrong with it.
      return text
    }
  }
}
