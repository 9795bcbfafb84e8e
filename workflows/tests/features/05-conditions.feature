# Ruling 5 of the template language.
Feature: A condition is true, false or null

  Scenario: null counts as false
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r05, version: 1.0.0 }
      do:
        - skipped: { if: .missing, set: { x: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      {}
      """
    And skipped should not have run

  Scenario: Any other type is an error
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r05, version: 1.0.0 }
      do:
        - wrong: { if: .name, set: { x: 1 } }
      """
    And given the workflow input is:
      """yaml
      { name: Ada }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { type: https://serverlessworkflow.io/spec/1.0.0/errors/expression, status: 400, instance: /do/0/wrong }
      """

  Scenario: The same holds for the cases of a switch
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r05, version: 1.0.0 }
      do:
        - pick: { switch: [ one: { when: .n, then: end }, other: { then: continue } ] }
      """
    And given the workflow input is:
      """yaml
      { n: 1 }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { status: 400, instance: /do/0/pick }
      """
