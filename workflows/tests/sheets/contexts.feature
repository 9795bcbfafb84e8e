# Sentences about contexts, and saves that cannot be published.
Feature: A change of a context is computed from what stands there

  Scenario: It counts
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: test, name: counts, version: 1.0.0 }
      do:
        - count: { call: 'context-save:1.0.0@default', with: { key: 'replies/7', change: .count += $input, input: '${ .n }' } }
      """
    And the context 'replies/7' is:
      """
      { count: 4 }
      """
    And given the workflow input is:
      """
      { n: 3 }
      """
    When the workflow is executed
    Then the context 'replies/7' should be:
      """
      { count: 7 }
      """
    And the workflow should complete with output:
      """
      { key: replies/7, version: 2 }
      """

  Scenario: What is no jq is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: test, name: counts, version: 1.0.0 }
      do: [ { a: { call: 'context-save:1.0.0@default', with: { key: k, change: '.count +' } } } ]
      """
    Then the workflow should be refused with 'expression.syntax'

  Scenario: What names another variable is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: test, name: counts, version: 1.0.0 }
      do: [ { a: { call: 'context-save:1.0.0@default', with: { key: k, change: '.count += $context.n' } } } ]
      """
    Then the workflow should be refused with 'expression.unknown_variable'

  Scenario: A secret is refused in its text
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: test, name: counts, version: 1.0.0 }
      use: { secrets: [ shop ] }
      do: [ { a: { call: 'context-save:1.0.0@default', with: { key: k, change: '.key = $secrets.shop' } } } ]
      """
    Then the workflow should be refused with 'secret.leaks'

  Scenario: A secret is refused in its input
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: test, name: counts, version: 1.0.0 }
      use: { secrets: [ shop ] }
      do: [ { a: { call: 'context-save:1.0.0@default', with: { key: k, change: '.key = $input', input: '${ $secrets.shop }' } } } ]
      """
    Then the workflow should be refused with 'secret.leaks'

  Scenario: A patch and a change are too much
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: test, name: counts, version: 1.0.0 }
      do: [ { a: { call: 'context-save:1.0.0@default', with: { key: k, change: '.', patch: {} } } } ]
      """
    Then the workflow should be refused with 'handler.input_mismatch'

  Scenario: Neither is too little
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: test, name: counts, version: 1.0.0 }
      do: [ { a: { call: 'context-save:1.0.0@default', with: { key: k } } } ]
      """
    Then the workflow should be refused with 'handler.input_mismatch'

  Scenario: A change of a version says two things
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: test, name: counts, version: 1.0.0 }
      do: [ { a: { call: 'context-save:1.0.0@default', with: { key: k, change: '.', version: 3 } } } ]
      """
    Then the workflow should be refused with 'handler.input_mismatch'

  Scenario: A patch has no input
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: test, name: counts, version: 1.0.0 }
      do: [ { a: { call: 'context-save:1.0.0@default', with: { key: k, patch: {}, input: 3 } } } ]
      """
    Then the workflow should be refused with 'handler.input_mismatch'

  Scenario: Its jq is written out
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: test, name: counts, version: 1.0.0 }
      do: [ { a: { call: 'context-save:1.0.0@default', with: { key: k, change: '${ .count += 1 }' } } } ]
      """
    Then the workflow should be refused with 'handler.input_mismatch'
