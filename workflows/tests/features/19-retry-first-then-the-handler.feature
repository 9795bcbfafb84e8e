# Ruling 19 of the template language.
Feature: Retry first, the handler when no retry is left

  Scenario: The handler runs once, after the last retry
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r19, version: 1.0.0 }
      do:
        - tried:
            try: [ { ask: { call: 'work:1.0.0@default' } } ]
            catch: { retry: { delay: PT2S, limit: { attempt: { count: 2 } } }, do: [ { handle: { set: { handled: '${ $error.status }' } } } ] }
      """
    And ask fails with error:
      """yaml
      { type: communication, status: 503 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { handled: 503 }
      """
    And ask should have run 3 times
    And handle should have run 1 times
    And the workflow should take PT4S

  Scenario: A retry that works needs no handler, and catch.then is not followed
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r19, version: 1.0.0 }
      do:
        - tried:
            try: [ { ask: { call: 'work:1.0.0@default' } } ]
            catch: { retry: { delay: PT2S, limit: { attempt: { count: 2 } } }, do: [ { handle: { set: { handled: true } } } ], then: end }
        - after: { set: { answer: '${ . }' } }
      """
    And ask fails with error:
      """yaml
      { type: communication, status: 503 }
      """
    And ask answers:
      """yaml
      { ok: true }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { answer: { ok: true } }
      """
    And handle should not have run

  Scenario: Without a handler the error goes up
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r19, version: 1.0.0 }
      do:
        - tried: { try: [ { ask: { call: 'work:1.0.0@default' } } ], catch: { retry: { limit: { attempt: { count: 1 } } } } }
      """
    And ask fails with error:
      """yaml
      { type: communication, status: 503 }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { type: https://serverlessworkflow.io/spec/1.0.0/errors/communication, status: 503, instance: /do/0/tried/try/0/ask }
      """

  Scenario: What the filter or the conditions exclude is neither retried nor handled
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r19, version: 1.0.0 }
      do:
        - tried: { try: [ { ask: { call: 'work:1.0.0@default' } } ], catch: { errors: { with: { status: 404 } }, retry: { limit: { attempt: { count: 1 } } }, do: [ { handle: { set: { handled: true } } } ] } }
      """
    And ask fails with error:
      """yaml
      { type: communication, status: 503 }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { status: 503 }
      """
    And ask should have run 1 times

  Scenario: catch.then applies after a handled error
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r19, version: 1.0.0 }
      do:
        - tried: { try: [ { broken: { raise: { error: { type: https://example.com/broken, status: 500 } } } } ], catch: { do: [ { handle: { set: { handled: true } } } ], then: last } }
        - between: { set: { between: true } }
        - last: { set: { before: '${ . }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { before: { handled: true } }
      """
    And between should not have run
