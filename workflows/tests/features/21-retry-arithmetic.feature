# Ruling 21 of the template language.
Feature: How long a retry waits

  Scenario: Constant, d each time
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r21, version: 1.0.0 }
      do:
        - tried: { try: [ { ask: { call: 'work:1.0.0@default' } } ], catch: { retry: { delay: PT2S, backoff: { constant: {} }, limit: { attempt: { count: 3 } } } } }
      """
    And ask fails with error:
      """yaml
      { type: communication, status: 503 }
      """
    When the workflow is executed
    Then the workflow should fault
    And the workflow should take PT6S
    And ask should have run 4 times

  Scenario: Linear, d times the number
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r21, version: 1.0.0 }
      do:
        - tried: { try: [ { ask: { call: 'work:1.0.0@default' } } ], catch: { retry: { delay: PT2S, backoff: { linear: {} }, limit: { attempt: { count: 3 } } } } }
      """
    And ask fails with error:
      """yaml
      { type: communication, status: 503 }
      """
    When the workflow is executed
    Then the workflow should fault
    And the workflow should take PT12S

  Scenario: Exponential from d on, twice as long each time unless a factor is given, up to the cap
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r21, version: 1.0.0 }
      do:
        - tried: { try: [ { ask: { call: 'work:1.0.0@default' } } ], catch: { retry: { delay: PT2S, backoff: { exponential: { maxDelay: PT5S } }, limit: { attempt: { count: 4 } } } } }
      """
    And ask fails with error:
      """yaml
      { type: communication, status: 503 }
      """
    When the workflow is executed
    Then the workflow should fault
    And the workflow should take PT16S

  Scenario: limit.duration counts from the first try: a later retry is not made
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r21, version: 1.0.0 }
      do:
        - tried: { try: [ { ask: { call: 'work:1.0.0@default' } } ], catch: { retry: { delay: PT4S, limit: { duration: PT10S } } } }
      """
    And ask fails with error:
      """yaml
      { type: communication, status: 503 }
      """
    When the workflow is executed
    Then the workflow should fault
    And ask should have run 3 times
    And the workflow should take PT8S

  Scenario: attempt.duration bounds each try
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r21, version: 1.0.0 }
      do:
        - tried: { try: [ { ask: { call: 'work:1.0.0@default' } } ], catch: { retry: { limit: { attempt: { count: 1, duration: PT3S } } }, do: [ { handle: { set: { status: '${ $error.status }' } } } ] } }
      """
    And ask never answers
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { status: 408 }
      """
    And the workflow should take PT6S
