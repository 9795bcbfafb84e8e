# Ruling 25 of the template language.
Feature: Lengths of time are exact

  Scenario: An object, ISO 8601 and an expression say the same
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r25, version: 1.0.0 }
      do:
        - a: { wait: { minutes: 1, seconds: 30 } }
        - b: { wait: PT1M30S }
        - c: { wait: '${ "PT\(.n)S" }' }
      """
    And given the workflow input is:
      """yaml
      { n: 90 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { n: 90 }
      """
    And the workflow should take PT4M30S

  Scenario: Weeks and days are exact, and fractions exist in ISO form
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r25, version: 1.0.0 }
      do:
        - a: { wait: P1W1D }
        - b: { wait: PT0.5S }
      """
    When the workflow is executed
    Then the workflow should complete
    And the workflow should take PT691200.5S

  Scenario: Months and years are refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r25, version: 1.0.0 }
      do:
        - a: { wait: P1M }
      """
    Then the workflow should be refused with 'duration.calendar_unit'

  Scenario: Negative lengths are refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r25, version: 1.0.0 }
      do:
        - a: { wait: { seconds: -1 } }
      """
    Then the workflow should be refused with 'duration.negative'
