# Ruling 22 of the template language.
Feature: A lost worker is no error of the language

  Scenario: The same attempt is made again, and no retry is spent
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r22, version: 1.0.0 }
      do:
        - tried: { try: [ { ask: { call: 'work:1.0.0@default', with: { n: 1 } } } ], catch: { do: [ { handle: { set: { handled: true } } } ] } }
      """
    And ask never answers
    And ask answers:
      """yaml
      { ok: true }
      """
    When the workflow is executed
    And the engine restarts
    Then the workflow should complete with output:
      """yaml
      { ok: true }
      """
    And handle should not have run
    And ask should have been called 2 times

  Scenario: A timer keeps its instant
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r22, version: 1.0.0 }
      do:
        - rest: { wait: PT10S }
        - after: { set: { done: true } }
      """
    When the workflow is executed
    And the clock advances by PT6S
    And the engine restarts
    And the clock advances by PT3S
    Then the workflow should be waiting
    When the clock advances by PT1S
    Then the workflow should complete with output:
      """yaml
      { done: true }
      """
    And the workflow should take PT10S

  Scenario: What is done stays done
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r22, version: 1.0.0 }
      do:
        - first: { call: 'work:1.0.0@default' }
        - rest: { wait: PT10S }
        - second: { call: 'work:1.0.0@default' }
      """
    And first answers:
      """yaml
      { a: 1 }
      """
    And second answers:
      """yaml
      { b: 2 }
      """
    When the workflow is executed
    And the engine restarts
    Then the workflow should complete with output:
      """yaml
      { b: 2 }
      """
    And first should have been called 1 times
