# Ruling 23 of the template language.
Feature: A timeout is raised by the task that has it

  Scenario: A try around it can catch it
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r23, version: 1.0.0 }
      do:
        - tried:
            try: [ { slow: { call: 'work:1.0.0@default', timeout: { after: PT5S } } } ]
            catch: { do: [ { handle: { set: { status: '${ $error.status }', at: '${ $error.instance }' } } } ] }
      """
    And slow never answers
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { status: 408, at: /do/0/tried/try/0/slow }
      """

  Scenario: Its own catch cannot, and it bounds all retries
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r23, version: 1.0.0 }
      do:
        - tried:
            timeout: { after: PT5S }
            try: [ { ask: { call: 'work:1.0.0@default' } } ]
            catch: { retry: { delay: PT2S }, do: [ { handle: { set: { handled: true } } } ] }
      """
    And ask fails with error:
      """yaml
      { type: communication, status: 503 }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout, status: 408, instance: /do/0/tried }
      """
    And ask should have run 3 times
    And handle should not have run
    And the workflow should take PT5S

  Scenario: That of the whole workflow cannot be caught
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r23, version: 1.0.0 }
      timeout: { after: PT5S }
      do:
        - tried: { try: [ { rest: { wait: PT1M } } ], catch: { do: [ { handle: { set: { handled: true } } } ] } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { status: 408 }
      """
    And handle should not have run
